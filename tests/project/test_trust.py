"""Files outside of the project: taken where the user names them, and where they were allowed; else refused."""

import json

import pytest

from vhlocal.errors import InputError
from vhlocal.model import Endpoint, EndpointFile, Place
from vhlocal.project.files import choose_files
from vhlocal.project.settings import load_settings
from vhlocal.project.trust import UntrustedError, remember


@pytest.fixture
def load(project, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "outside.env").write_text("A=1\n")

    def load(yaml="", flags=(), env=()):
        project.write("vhlocal.yaml", yaml)
        return load_settings(project.directory, dict(flags), environ=dict(env))

    return load


@pytest.mark.parametrize(
    ("yaml", "named"),
    [
        ("env-file: ../outside.env\n", "--env-file {}"),
        ("env_file: ../outside.env\n", "--env-file {}"),
        ("env-file: {}\n", "--env-file {}"),
        ("access-log: inside/../../outside.env\n", "--access-log {}"),
        ("access-log: ~/access.log\n", "--access-log "),
        ("files:\n  web.model: ../outside.env\n", '--file web.model="{}"'),
        ("warm-up:\n  web: POST /predict ../outside.env\n", '--warm-up web="POST /predict ../outside.env"'),
        ("warm-up:\n  web: /predict {}\n", '--warm-up web="/predict {}"'),
        ("warm-up:\n  web: /predict '../out''side.env'\n", "--warm-up web="),
        ("smoke: ..\n", "--smoke "),
        ("smoke: there\n", "--smoke "),
        ("basic-auth:\n  ada: file:../outside.env\n", "--basic-auth ada=…"),
        ("variables:\n  TOKEN: file:{}\n", "--var TOKEN=…"),
        ("variables:\n  TOKEN: file:~/outside.env\n", "--var TOKEN=…"),
        ("env-file: link\n", "--env-file "),
        ("files:\n  web.model: there/outside.env\n", "--file web.model="),
    ],
)
def test_what_the_project_names_outside_of_itself_is_refused_with_the_place_and_the_remedy(
    project, load, tmp_path, yaml, named
):
    outside = tmp_path / "outside.env"
    (project.directory / "link").symlink_to(outside)
    (project.directory / "there").symlink_to(tmp_path)
    with pytest.raises(UntrustedError) as refused:
        load(yaml.format(outside))
    hint = refused.value.hint
    assert named.format(outside) in hint.replace(f"{project.directory}/inside/../../", f"{tmp_path}/").replace(
        f"{project.directory}/../", f"{tmp_path}/"
    )
    assert "answer its question" in hint
    assert refused.value.place.file == project.directory / "vhlocal.yaml"
    assert refused.value.place.line is not None


@pytest.mark.parametrize(
    "yaml",
    [
        "env-file: inside.env\n",
        "env-file: ./sub/../inside.env\n",
        "access-log: sub/access.log\n",
        "files:\n  web.model: sub/model\n",
        "smoke: sub\n",
        "basic-auth:\n  ada: file:inside.env\n",
        "warm-up:\n  web: /predict\n",
        "warm-up:\n  web: POST /predict sub/body.json\n",
        "warm-up:\n  web: POST /../../etc/passwd\n",
    ],
)
def test_what_is_inside_is_no_question(project, load, yaml):
    project.write("inside.env", "A=1\n")
    (project.directory / "sub").mkdir()
    load(yaml)


def test_what_the_user_names_is_taken_wherever_it_is(project, load, tmp_path):
    outside = str(tmp_path / "outside.env")
    yaml = "env-file: /etc/hostname\nfiles:\n  web.model: /etc/hostname\nwarm-up:\n  web: / /etc/hostname\n"
    flags = {"env_file": outside, "files": (f"web.model={outside}",), "warm_up": (f"web=/ {outside}",)}
    assert load(yaml, flags).variables == {"A": "1"}
    env = {"VHLOCAL_ENV_FILE": outside, "VHLOCAL_FILES": f"web.model={outside}", "VHLOCAL_WARM_UP": f"web=/ {outside}"}
    assert load(yaml, env=env).variables == {"A": "1"}


def test_an_answer_is_remembered_for_that_project_and_those_files(project, load, tmp_path):
    yaml = "env-file: ../outside.env\n"
    with pytest.raises(UntrustedError) as refused:
        load(yaml)
    remember(project.directory, refused.value.outside)
    assert load(yaml).variables == {"A": "1"}
    kept = tmp_path / "state" / "vhlocal" / "trusted.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UntrustedError):
        load("env-file: ../other.env\n")
    other = tmp_path / "other"
    other.mkdir()
    (other / "vhlocal.yaml").write_text(yaml)
    with pytest.raises(UntrustedError):
        load_settings(other, {}, environ={})
    kept.write_text(json.dumps(["no", "mapping"]))
    with pytest.raises(UntrustedError):
        load(yaml)


def test_all_that_leads_out_is_told_at_once(load):
    with pytest.raises(UntrustedError) as refused:
        load("env-file: /one\nfiles:\n  web.a: /two\n  web.b: /three\n")
    assert [str(each.path) for each in refused.value.outside] == ["/two", "/three", "/one"]
    assert refused.value.detail == "`files` of `web.b`: /three\n`env-file`: /one"


def test_a_file_that_nobody_has_chosen_does_not_lead_out_by_a_link(project, load, tmp_path):
    """B4: an entry without a choice takes the file at its own path."""
    entry = EndpointFile("model", "model.pkl", Place(project.directory / "valohai.yaml", 5))
    endpoint = Endpoint("web", "python:3.13-slim", 8000, files=(entry,))
    (project.directory / "model.pkl").symlink_to(tmp_path / "outside.env")
    with pytest.raises(InputError, match=r"outside its directory: the file of `web\.model` is "):
        choose_files([endpoint], {}, project.directory, {"web"})
    given = {"web.model": project.directory / "model.pkl"}
    assert choose_files([endpoint], given, project.directory, {"web"}).files["web"][0].size == 4
