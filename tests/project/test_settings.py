from pathlib import Path

import pytest

from vhlocal.errors import InputError
from vhlocal.project.settings import environment, load_settings, login
from vhlocal.project.trust import Outside, remember


@pytest.fixture
def load(project):
    def load(flags=(), env=(), yaml=None):
        if yaml is not None:
            project.write("vhlocal.yaml", yaml)
        return load_settings(project.directory, dict(flags), environ=dict(env))

    return load


def test_defaults(project, load):
    settings = load(env={"USER": "Ada L"})
    assert (settings.host, settings.port, settings.deployment, settings.version_name) == (
        "127.0.0.1",
        8080,
        "local",
        None,
    )
    assert (settings.owner, settings.project) == ("ada-l", "my-project")
    assert (settings.aliases, settings.files, settings.variables, settings.images) == ((), {}, {}, {})
    assert (settings.inherit_env_vars, settings.reload, settings.strict, settings.env_file) == (True, True, False, None)
    assert (settings.origin("owner"), settings.origin("project")) == ("login", "directory name")
    assert settings.is_default("port")


def test_the_git_remote_names_owner_and_project(repository, load):
    repository.git("remote", "add", "origin", "https://me:secret@example.com/acme/digits.git")
    settings = load(env={"USER": "ada"})
    assert (settings.owner, settings.project) == ("acme", "digits")
    assert settings.origin("owner") == settings.origin("project") == "git remote"


def test_given_names_need_no_guess(repository, load):
    repository.git("remote", "add", "origin", "https://example.com/acme/digits.git")
    settings = load({"owner": "Ada", "project": "faces"})
    assert (settings.owner, settings.project) == ("Ada", "faces")


def test_without_any_name_the_owner_is_local(load):
    assert (load().owner, load().origin("owner")) == ("local", "default")


YAML = "host: 0.0.0.0\nport: 1\nowner: y\nreload: false\nstrict: true\naliases: [y]\nversion-name: 20181002.10\n"
ENV = {
    "VHLOCAL_PORT": "2",
    "VHLOCAL_OWNER": "e",
    "VHLOCAL_RELOAD": "yes",
    "VHLOCAL_ALIASES": "e1, e2",
    "VHLOCAL_HOST": "  ",
}


def test_the_nearest_source_wins(load):
    """Flag, environment, file, default: for each setting by itself."""
    settings = load({"owner": "f", "aliases": ("f",), "port": None, "files": ()}, ENV, YAML)
    assert [(settings.owner, settings.origin("owner"))] == [("f", "flag --owner")]
    assert [(settings.port, settings.origin("port"))] == [(2, "environment VHLOCAL_PORT")]
    assert [(settings.host, settings.origin("host"))] == [("0.0.0.0", "vhlocal.yaml:1")]
    assert [(settings.deployment, settings.origin("deployment"))] == [("local", "default")]
    assert (settings.aliases, settings.reload, settings.strict) == (("f",), True, True)
    assert load({}, ENV).aliases == ("e1", "e2")
    assert load({"reload": False}, ENV).origin("reload") == "flag --no-reload"
    assert not load({"reload": False}, ENV).is_default("reload")


def test_a_scalar_in_the_file_is_taken_as_written(load):
    """P2: a version's name looks like a number, and must not lose its zero."""
    settings = load(yaml=YAML + "variables:\n  LEVEL: 007\n  FLAG: yes\n  RATE: 1.10\n  EMPTY: ''\n")
    assert settings.version_name == "20181002.10"
    assert settings.variables == {"LEVEL": "007", "FLAG": "yes", "RATE": "1.10", "EMPTY": ""}


def test_mappings_are_merged_key_by_key(project, load):
    """B8: the nearest source of each variable wins."""
    settings = load(
        {"variables": ("A=flag", "EMPTY=")},
        {"VHLOCAL_VARIABLES": "A=env,B=env"},
        "variables: {A: yaml, B: yaml, C: yaml}\nimages: {digits: mine}\n",
    )
    assert settings.variables == {"A": "flag", "EMPTY": "", "B": "env", "C": "yaml"}
    assert settings.origin("variables", "B") == "environment VHLOCAL_VARIABLES"
    assert settings.origin("variables", "C") == "vhlocal.yaml:1"
    assert settings.images == {"digits": "mine"}


def test_lines_part_what_has_commas(load):
    assert load(env={"VHLOCAL_VARIABLES": "A=1,2\nB=3\n"}).variables == {"A": "1,2", "B": "3"}


def test_paths_are_relative_to_where_they_are_written(project, load, monkeypatch, tmp_path):
    """B4: a chosen file's path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    remember(project.directory, [Outside("", Path("/srv/m.pkl"), None, "")])
    settings = load(
        {"files": ("digits.model=here.pkl",)},
        {"VHLOCAL_FILES": "digits.labels=env.json"},
        "files:\n  digits.model: x\n  digits.more: models/m.pkl\n  digits.abs: /srv/m.pkl\n",
    )
    assert {key: str(path) for key, path in settings.files.items()} == {
        "digits.model": str(tmp_path / "here.pkl"),
        "digits.labels": str(tmp_path / "env.json"),
        "digits.more": str(project.directory / "models/m.pkl"),
        "digits.abs": "/srv/m.pkl",
    }


def test_an_env_file_stands_below_its_own_source_s_variables(project, load):
    """B8: --var, --env-file and the project's variables."""
    file = project.write("my.env", "A=file\nB=file\nC=file\n")
    yaml = "variables: {B: yaml, C: yaml, D: yaml}\n"
    settings = load({"variables": ("A=flag",), "env_file": str(file)}, {"VHLOCAL_VARIABLES": "B=env"}, yaml)
    assert settings.variables == {"A": "flag", "B": "file", "C": "file", "D": "yaml"}
    assert settings.origin("variables", "C") == "my.env:3"
    settings = load({}, {"VHLOCAL_VARIABLES": "B=env"}, yaml + "env-file: my.env\n")
    assert settings.variables == {"A": "file", "B": "env", "C": "yaml", "D": "yaml"}


def test_without_inheritance_the_project_s_variables_are_not_taken(project, load):
    """B8: inherited unless switched off."""
    project.write("my.env", "B=file\n")
    yaml = "variables: {A: yaml}\nenv-file: my.env\n"
    flags = {"inherit_env_vars": False, "variables": {"C": "flag"}}
    assert load(flags, {}, yaml).variables == {"C": "flag"}


def test_explain_tells_every_value_and_its_origin_and_no_secret(project, load):
    yaml = "variables:\n  API_TOKEN: abc\n  DB_PASSWORD: abc\n  DB_URL: 'postgres://me:abc@db/x'\nport: 9000\n"
    settings = load({"aliases": ("staging", "beta"), "strict": True}, {"USER": "ada"}, yaml)
    rows = settings.explain()
    assert "abc" not in repr(settings)
    assert rows == [
        ("host", "127.0.0.1", "default"),
        ("port", "9000", "vhlocal.yaml:5"),
        ("owner", "ada", "login"),
        ("project", "my-project", "directory name"),
        ("deployment", "local", "default"),
        ("version-name", "today's date and a counter", "default"),
        ("aliases", "staging, beta", "flag --alias"),
        ("files", "none", "default"),
        ("variables.API_TOKEN", "********", "vhlocal.yaml:2"),
        ("variables.DB_PASSWORD", "********", "vhlocal.yaml:3"),
        ("variables.DB_URL", "postgres://********@db/x", "vhlocal.yaml:4"),
        ("env-file", "none", "default"),
        ("images", "none", "default"),
        ("inherit-env-vars", "true", "default"),
        ("runtime", "auto", "default"),
        ("include-untracked", "true", "default"),
        ("reload", "true", "default"),
        ("strategies", "the quickest that its server allows", "default"),
        ("warm-up", "any answer at the endpoint's root", "default"),
        ("keep-warm", "none", "default"),
        ("basic-auth", "none", "default"),
        ("doctor", "true", "default"),
        ("request-buffering", "true, as production's ingress does", "default"),
        ("script-name", "true", "default"),
        ("replicas", "1 each", "default"),
        ("autoscale", "knative, with its published defaults", "default"),
        ("versions", "none", "default"),
        ("record", "true", "default"),
        ("replay-on-save", "off", "default"),
        ("smoke", "smoke", "default"),
        ("access-log", "none", "default"),
        ("strict", "true", "flag --strict"),
        ("ignore", "none", "default"),
    ]


@pytest.mark.parametrize(
    ("flags", "env", "words"),
    [
        ({"port": "80a"}, {}, 'flag --port must be a port number from 0 to 65535, not "80a"'),
        ({}, {"VHLOCAL_PORT": "65536"}, "environment VHLOCAL_PORT must be a port number"),
        ({}, {"VHLOCAL_STRICT": "maybe"}, "environment VHLOCAL_STRICT must be true or false"),
        ({"files": ("digits.model",)}, {}, r"flag --file takes ENDPOINT\.NAME=PATH"),
        ({"files": ("digits.model=",)}, {}, r"flag --file takes ENDPOINT\.NAME=PATH"),
        ({"images": ("=x",)}, {}, "flag --image takes ENDPOINT=IMAGE"),
        ({"variables": ("NAME",)}, {}, "flag --var takes NAME=VALUE"),
        ({"variables": ("1A=x",)}, {}, "flag --var has"),
        ({"files": ("digits.model=~no-such-user/m",)}, {}, "there is no such user"),
        ({"owner": "a/b"}, {}, r"the owner \(flag --owner\) cannot be"),
        ({}, {"VHLOCAL_VERSION_NAME": ".."}, r"the version name \(environment VHLOCAL_VERSION_NAME\) cannot be"),
        ({"aliases": ("ok", "not ok")}, {}, r"an alias \(flag --alias\) cannot be"),
        ({"env_file": "/none/my.env"}, {}, "the env file cannot be read"),
        ({"basic_auth": ("a:b=c",)}, {}, r'"a:…" \(flag --basic-auth\) is not a valid user name for basic-auth'),
    ],
)
def test_what_is_wrong_in_a_flag_or_a_variable_is_told(load, flags, env, words):
    with pytest.raises(InputError, match=words):
        load(flags, env)


def test_a_wrong_variable_is_told_without_its_text(load):
    with pytest.raises(InputError) as caught:
        load({}, {"VHLOCAL_VARIABLES": "API_TOKEN=abc,xyz"})
    assert "xyz" not in f"{caught.value.message} {caught.value.hint}"


def test_no_password_is_shown(load):
    settings = load({"basic_auth": ("ada=open sesame",)}, {"VHLOCAL_BASIC_AUTH": "grace=hopper"})
    assert settings.basic_auth == {"ada": "open sesame", "grace": "hopper"}
    assert "sesame" not in repr(settings)
    assert ("basic-auth.ada", "********", "flag --basic-auth") in settings.explain()
    with pytest.raises(InputError, match="flag --basic-auth takes USER=PASSWORD") as caught:
        load({"basic_auth": ("sesame",)}, {})
    assert "sesame" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    "yaml", ["basic-auth: ada=xyz\n", "basic-auth:\n  'ada:xyz': a\n", "basic-auth:\n  ada: [xyz]\n"]
)
def test_a_wrong_user_in_the_file_is_told_without_what_may_be_a_password(load, yaml):
    """K7"""
    with pytest.raises(InputError) as caught:
        load(yaml=yaml)
    assert "xyz" not in f"{caught.value.message} {caught.value.hint}"


def test_a_user_in_the_file_is_checked_too(load):
    assert load(yaml="basic-auth:\n  ada: 1234\n").basic_auth == {"ada": "1234"}
    for wrong in ("a:b: c", "ada: ''"):
        with pytest.raises(InputError) as caught:
            load(yaml=f"basic-auth:\n  {wrong}\n")
        assert "vhlocal.yaml:2:" in str(caught.value.place)


def test_a_name_in_the_file_that_is_no_path_segment_is_told_with_its_place(project, load):
    """P1: each name is one segment of the path."""
    with pytest.raises(InputError, match="the owner") as caught:
        load(yaml="port: 1\nowner: a/b\n")
    assert str(caught.value.place) == f"{project.directory}/vhlocal.yaml:2:8"


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        ({"a b": "v1"}, r'the name of a version \(.*\) cannot be "a b"'),
        ({"a" * 201: "v1"}, "it has 201 characters"),
        ({"old": "v1 b/c"}, r'an alias of old \(.*\) cannot be "b/c"'),
        ({"old": "v1 old"}, "`old` is the name of a version"),
        ({"old": "v1 ours"}, "`ours` is the name of a version"),
        ({"prod": "v2", "old": "v1 prod"}, "`prod` is the name of a version"),
        ({"old": "v1 prod", "new": "v2 prod"}, "`prod` is an alias of old"),
        ({"dev": "v1"}, "`dev` is an alias of the working tree's version"),
        ({"mine": "v1"}, "`mine` is an alias of the working tree's version"),
        ({"ours": "v1"}, "`ours` is the working tree's version"),
    ],
)
def test_k10_versions_that_cannot_be_are_told_before_anything_is_started_with_their_place(load, versions, said):
    lines = ["version-name: ours", "aliases: [mine]", "versions:"]
    yaml = "\n".join([*lines, *(f"  {name}: {text}" for name, text in versions.items())])
    with pytest.raises(InputError, match=said) as caught:
        load(yaml=yaml)
    assert caught.value.place is not None
    assert caught.value.place.line == 3 + len(versions), "the one that is too much"


def test_p3_a_version_from_the_start_may_take_an_alias_of_the_working_tree_s(load):
    assert load(yaml="aliases: [mine]\nversions: {old: v1 dev mine}\n").versions == {"old": "v1 dev mine"}


def test_the_login_is_the_environment_s():
    assert login({"USER": "ada", "USERNAME": "x"}) == "ada"
    assert login({}) == ""


def test_the_environment_is_the_process_s(monkeypatch):
    monkeypatch.setenv("VHLOCAL_PORT", "1234")
    assert environment()["VHLOCAL_PORT"] == "1234"


def test_a_secret_of_the_project_may_be_kept_elsewhere(project, load):
    project.write("secret.txt", "from the file\n")
    yaml = (
        "basic-auth:\n  ada: env:ADA\n  bob: 'file:secret.txt'\n  eve: plain\n"
        "variables:\n  API_KEY: env:KEY\n  STAGE: env:prod\n"
    )
    settings = load(yaml=yaml, env={"ADA": "from the environment", "KEY": "k"})
    assert settings.basic_auth == {"ada": "from the environment", "bob": "from the file", "eve": "plain"}
    assert settings.variables == {"API_KEY": "k", "STAGE": "env:prod"}
    assert settings.origin("basic_auth", "ada") == "environment ADA"
    assert not any("from the" in value for _, value, _ in settings.explain())
    with pytest.raises(InputError, match="`ada` needs the environment variable ADA, which is empty"):
        load_settings(project.directory, {}, environ={"ADA": "", "KEY": "k"})
    with pytest.raises(InputError, match="`ada` needs the environment variable ADA, which is not set") as missing:
        load(yaml=yaml, env={"KEY": "k"})
    assert missing.value.place.line == 2
    assert load({"basic_auth": ("ada=given",)}, {"KEY": "k"}, yaml).basic_auth["ada"] == "given"
    project.write("secret.txt", "\n")
    with pytest.raises(InputError, match="is empty"):
        load(yaml=yaml, env={"ADA": "a", "KEY": "k"})
    assert load_settings(project.directory, {}, environ={}, fetch=False).basic_auth["ada"] == "env:ADA"
    for nobodys in ("basic-auth:\n  ada: file:~no-such-user/x\n", "variables:\n  KEY: file:~no-such-user\n"):
        with pytest.raises(InputError, match=r"~no-such-user.*, but there is no such user") as nobody:
            load(yaml=nobodys)
        assert nobody.value.place.line == 2


@pytest.mark.parametrize(
    "value",
    [
        "postgres://ada:hunter22@db/x",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlMTIz",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG",
    ],
)
@pytest.mark.parametrize("setting", ["variables", "ignore", "images"])
def test_what_is_a_secret_by_itself_is_masked_whatever_its_name(load, setting, value):
    rows = load({setting: {"PLAIN": value}}).explain()
    [shown] = [shown for name, shown, _ in rows if name.endswith(".PLAIN")]
    assert "********" in shown
    for part in ("hunter22", "c2lnbmF0dXJlMTIz", "abcdefghij", "MIIEvQIB"):
        assert part not in shown
