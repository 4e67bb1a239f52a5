from dataclasses import fields

from jsonschema import Draft202012Validator

from vhlocal.project.settings import Settings
from vhlocal.project.table import SETTINGS, schema


def test_the_table_is_the_one_truth():
    names = [setting.name for setting in SETTINGS]
    assert [field.name for field in fields(Settings)] == [*names, "found"]
    assert list(schema()["properties"]) == [name.replace("_", "-") for name in names]


def test_the_schema_is_one():
    Draft202012Validator.check_schema(schema())


def test_each_source_spells_a_setting_in_its_own_way():
    (setting,) = (setting for setting in SETTINGS if setting.name == "version_name")
    assert (setting.flag, setting.env, setting.key) == ("--version-name", "VHLOCAL_VERSION_NAME", "version-name")


def test_every_setting_says_what_it_is_for():
    assert all(setting.docs.endswith(".") and setting.flag.startswith("--") for setting in SETTINGS)
