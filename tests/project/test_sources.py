import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.project.trees import answer, trees
from vhlocal.errors import InputError
from vhlocal.project.sources import read_environment, read_flags, read_settings_file
from vhlocal.project.table import SETTINGS


def test_no_file_and_an_empty_file_hold_nothing(project):
    assert read_settings_file(project.directory) == {}
    project.write("vhlocal.yaml", "# nothing yet\n")
    assert read_settings_file(project.directory) == {}


def test_what_is_not_given_is_not_there():
    assert read_flags({"port": None, "aliases": (), "files": {}}) == {}
    assert read_environment({"VHLOCAL_PORT": "", "PORT": "1"}) == {}


def test_false_and_zero_are_given():
    found = read_flags({"reload": False, "port": 0})
    assert (found["reload"].value, found["port"].value) == (False, 0)


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("prot: 1\n", "1:1", "the file has an unknown key `prot`", "did you mean `port`?"),
        ("port: eighty\n", "1:7", '`port` must be a whole number, not "eighty"', None),
        ("host: x\nport: 70000\n", "2:7", "`port` must be at most 65535, not 70000", None),
        ("reload: 'no'\n", "1:9", '`reload` must be true or false, not "no"', None),
        ("aliases: dev\n", "1:10", '`aliases` must be a list, not "dev"', None),
        (
            "aliases: [a, [b]]\n",
            "1:14",
            "`aliases` item 2 must be text or a number or true or false, not this list",
            None,
        ),
        (
            "files:\n  digits.model: 3\n",
            "2:17",
            "`files` `digits.model` must be text, not 3",
            "put the value in quotes",
        ),
        ("files: [a]\n", "1:8", "`files` must be a mapping, not this list", None),
        ("owner: ''\n", "1:8", "`owner` must not be empty", None),
        ("variables:\n  A B: x\n", "2:3", '`variables` has "A B", which is not a valid variable name', None),
        ("port: 1\nport: 2\n", "2:1", "the key `port` is written twice, first on line 1", "remove one of them"),
        ("- port: 1\n", "1:1", "the file must be a mapping, not this list", None),
        ("port: [\n", "2:1", "this is not valid YAML", None),
    ],
)
def test_every_error_has_its_place(project, text, line, message, hint):
    project.write("vhlocal.yaml", text)
    with pytest.raises(InputError) as caught:
        read_settings_file(project.directory)
    error = caught.value
    assert error.message.startswith(message)
    assert str(error.place) == f"{project.directory}/vhlocal.yaml:{line}"
    if hint:
        assert error.hint == hint


def test_all_errors_are_told_at_once(project):
    project.write("vhlocal.yaml", "port: x\nhosts: a\nstrict: 3\n")
    with pytest.raises(InputError) as caught:
        read_settings_file(project.directory)
    assert caught.value.place.line == 1
    assert len(caught.value.detail.splitlines()) == 2


@given(
    st.dictionaries(st.sampled_from([setting.key for setting in SETTINGS]), trees(["A", "digits.model"]), max_size=4)
)
def test_any_tree_as_vhlocal_yaml(data):
    answer(read_settings_file, "vhlocal.yaml", yaml.safe_dump(data))
