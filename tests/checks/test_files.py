"""What code opens, imports, loads and runs, and what of it production would not have."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.checks.projects import FLASK, command, flask
from tests.checks.sample import found_in, told


def found(directory: Path, code: str) -> list[str]:
    return [each for each in told(found_in(directory).findings, directory) if each.startswith(code)]


def the_one(directory: Path):
    (finding,) = found_in(directory).findings
    return finding


def git(directory: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", directory, *arguments], check=True, capture_output=True)


READS = "words = open('data/words.txt').read()\n"


def test_a_link_to_a_directory_is_what_leaves_its_files_out(project, tmp_path):
    """B5: nothing ignores it, and an ad hoc package takes files alone."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "words.txt").write_text("hello")
    directory = project(flask(READS))
    (directory / "data").symlink_to(elsewhere)
    git(directory, "init", "-q")
    git(directory, "add", "-A")
    finding = the_one(directory)
    assert finding.definition.code == "VH206"
    assert finding.seen.endswith("not packaged: `data` is a link to a directory, which an ad hoc package leaves out")
    assert finding.change.startswith("replace the link `data` with the directory itself")


def test_other_reasons_than_an_ignore_file_are_told(project, tmp_path):
    (tmp_path / "out.txt").write_text("hello")
    directory = project(flask("open('.words')\nopen('link.txt')\nopen('own/words.txt')\n"))
    git(directory, "init", "-q")
    (directory / ".words").write_text("hello")
    (directory / "link.txt").symlink_to(tmp_path / "out.txt")
    (directory / "own").mkdir()
    (directory / "own" / "words.txt").write_text("hello")
    git(directory / "own", "init", "-q")
    seen = [finding.seen.rpartition(": ")[2] for finding in found_in(directory).findings]
    assert seen == [
        "an ad hoc package leaves out top-level names that begin with a dot",
        "it is a link to a file outside the project",
        "`own` is a git repository of its own",
    ]


def test_a_module_of_the_project_s_own_that_is_not_packaged(project):
    directory = project(flask("import helpers\n", **{"helpers.py": "", ".gitignore": "helpers.py\n"}))
    finding = the_one(directory)
    assert (finding.definition.code, finding.place.line) == ("VH206", 4)
    assert finding.seen.startswith("`helpers` is imported; helpers.py is on this machine, but not packaged")


def test_what_runs_before_the_server_may_make_what_it_needs(project):
    ignored = {"made_pb2.py": "", "model.pkl": "", ".gitignore": "made_pb2.py\nmodel.pkl\n"}
    files = command("python -m grpc_tools.protoc made.proto", "python server.py", **ignored)
    files["server.py"] = "import made_pb2\nopen('model.pkl')\n"
    assert found(project(files), "VH206") == []
    files = command("cd .", "python server.py", **ignored) | {"server.py": "import made_pb2\nopen('model.pkl')\n"}
    assert found(project(files), "VH206") == []
    files = command("export A=1", "python server.py", **ignored) | {"server.py": files["server.py"]}
    assert found(project(files), "VH206") == ["VH206 server.py:1", "VH206 server.py:2"]


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    import helpers\nexcept ImportError:\n    helpers = None\n",
        "import sys\nif 'x' in sys.argv:\n    import helpers\n",
        "import missing_everywhere\n",
    ],
)
def test_imports_that_need_not_succeed_are_left_alone(project, code):
    assert found(project(flask(code, **{"helpers.py": "", ".gitignore": "helpers.py\n"})), "VH206") == []


ELSEWHERE = {
    "by a text": "open('PATH')\n",
    "by a name": "MODEL = 'PATH'\nopen(MODEL)\n",
    "by a path": "from pathlib import Path\n(Path('DIRECTORY') / 'model.pkl').read_bytes()\n",
    "joined": "import os\nopen(os.path.join('DIRECTORY', 'model.pkl'))\n",
}


@pytest.fixture
def model(tmp_path):
    """Make a file that is on this machine alone; return its path."""
    file = tmp_path / "elsewhere" / "model.pkl"
    file.parent.mkdir()
    file.write_bytes(b"model")
    return file


def with_path(code: str, model: Path) -> str:
    return code.replace("PATH", str(model)).replace("DIRECTORY", str(model.parent))


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_file_of_this_machine_is_in_no_image(name, project, model):
    finding = the_one(project(flask(with_path(ELSEWHERE[name], model))))
    assert finding.definition.code == "VH206"
    assert finding.seen == f"{model} is opened; it is on this machine, but nothing puts it into the image"
    assert finding.change == "give the endpoint an entry in `files` with `path: model.pkl`, and open that"


NOT_FOR_SURE = {
    "it is fetched": "from own import fetch\nfetch('PATH')\nopen('PATH')\n",
    "it is fetched by a keyword": "from own import fetch\nfetch(to='PATH')\nopen('PATH')\n",
    "a command writes it": "import subprocess\nsubprocess.run(['fetch', '-o', 'PATH'])\nopen('PATH')\n",
    "a shell writes it": "import os\nos.system('fetch -o PATH')\nopen('PATH')\n",
    "its directory is filled": "from own import fetch\nfetch('DIRECTORY')\nopen('PATH')\n",
    "it is written": "open('PATH', 'w').write('x')\nopen('PATH')\n",
    "it is looked for": "import os\nif os.path.exists('PATH'):\n    open('PATH')\n",
    "it is a fallback": "import os\nopen(os.environ.get('MODEL', 'PATH'))\n",
    "it is nowhere": "open('PATH.nowhere')\n",
    "the system has it": "open('/etc/hostname')\n",
}


@pytest.mark.parametrize("name", NOT_FOR_SURE)
def test_a_file_that_something_may_bring_is_left_alone(name, project, model):
    assert found_in(project(flask(with_path(NOT_FOR_SURE[name], model)))).findings == ()


def test_a_command_a_volume_and_an_unknown_image_may_bring_it(project, model):
    code = f"open('{model}')\napp.run(host='0.0.0.0', port=8000)\n"
    from_command = command(f"cp -r /mnt/models/. {model.parent}/", "python server.py")
    from_command["server.py"] += code
    assert found(project(from_command), "VH206") == []
    volume = flask(f"open('{model}')\n")
    volume["valohai.yaml"] += f"    shared-volumes:\n      - claim-name: models\n        mount-path: {model.parent}\n"
    assert found(project(volume), "VH206") == []
    assert Path("/etc/hostname").exists(), "so that the next says something"
    unknown = flask("open('/etc/hostname')\n")
    unknown["valohai.yaml"] = unknown["valohai.yaml"].replace("python:3.12-slim", "acme/own:1")
    assert found(project(unknown), "VH206") == []


def test_the_code_s_directory_may_be_written_out(project):
    """B7: `/valohai/code` is where the package lands."""
    ignored = {"words.txt": "hello", ".gitignore": "words.txt\n"}
    assert found(project(flask("open('/valohai/code/words.txt')\n", **ignored)), "VH206") == ["VH206 server.py:4"]
    packaged = flask("open('/valohai/code/words.txt')\n", **{"words.txt": "hello", ".gitignore": ""})
    assert found_in(project(packaged)).findings == ()


def test_a_project_that_git_does_not_know_yet_forgets_nothing(project):
    directory = project(flask("import words\n", **{"words.py": ""}))
    git(directory, "init", "-q")
    assert found_in(directory).findings == ()
    git(directory, "add", "valohai.yaml")
    assert found(directory, "VH209") == ["VH209 valohai.yaml:4", "VH209 valohai.yaml:4"], "server.py, requirements.txt"
    git(directory, "add", "server.py", "requirements.txt")
    assert found(directory, "VH209") == ["VH209 server.py:4"]
    git(directory, "add", "words.py")
    assert found_in(directory).findings == ()


def test_what_is_opened_is_forgotten_as_well(project):
    directory = project(flask("open('words.txt')\nopen('more.txt', 'w')\n", **{"words.txt": "", "more.txt": ""}))
    git(directory, "init", "-q")
    git(directory, "add", *FLASK)
    assert found(directory, "VH209") == ["VH209 server.py:4"]


SCRIPT = "#!/bin/sh\nset -e\nexec python server.py\n"
DOS = SCRIPT.replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("line", "scripts", "place"),
    [
        ("./start.sh", {"start.sh": DOS}, "start.sh:1"),
        ("bash -e start.sh", {"start.sh": DOS}, "start.sh:1"),
        ("sh /valohai/code/bin/start.sh", {"bin/start.sh": DOS}, "bin/start.sh:1"),
        ("sh start.sh", {"start.sh": DOS.partition("\n")[2]}, "start.sh:1"),
        ("sh start.sh", {"start.sh": SCRIPT + ". ./env.sh\n", "env.sh": "A=1\r\nB=2\r\n"}, "env.sh:1"),
        ("./serve", {"serve": "#!/usr/bin/env python3\r\nprint()\r\n"}, "serve:1"),
    ],
)
def test_a_script_with_the_line_ends_of_windows_fails(line, scripts, place, project):
    directory = project(command(line))
    for path, text in scripts.items():
        (directory / path).parent.mkdir(exist_ok=True)
        (directory / path).write_bytes(text.encode())
    assert found(directory, "VH210") == [f"VH210 {place}"]


@pytest.mark.parametrize(
    ("line", "path", "text"),
    [
        ("sh start.sh", "start.sh", SCRIPT),
        ("sh start.sh", "other.sh", DOS),
        ("python server.py", "server.bat", DOS),
        ("sh start.sh", "start.sh", SCRIPT + "printf 'a\r\n'\n"),
        ("sh nowhere.sh", "start.sh", DOS),
        ("sh start.sh", "old.sh", DOS),
    ],
)
def test_scripts_that_are_sound_or_not_run_are_left_alone(line, path, text, project):
    directory = project(command(line, **{"start.sh": "# instead of old.sh\nexec python server.py\n"}))
    (directory / path).write_bytes(text.encode())
    assert found(directory, "VH210") == []


LOADS = "import os\nfrom dotenv import load_dotenv\nload_dotenv()\nkey = os.environ['KEY']\n"
DOTENV = {".env": "# ours\nexport KEY=1\nOTHER=2\n", "requirements.txt": "flask\npython-dotenv\n"}


def test_variables_that_only_an_unpackaged_file_sets(project):
    finding = the_one(project(flask(LOADS, **DOTENV)))
    assert (finding.definition.code, finding.place.line) == ("VH310", 6)
    assert finding.seen == "the code reads .env, which is not packaged: KEY would not be set"


@pytest.mark.parametrize(
    "files",
    [
        flask(LOADS, **{**DOTENV, ".env": "OTHER=2\n"}),
        flask(LOADS, **DOTENV, **{"vhlocal.yaml": "variables:\n  KEY: 1\n"}),
        flask(LOADS, **DOTENV, **{"vhlocal.yaml": "env-file: .env\n"}),
        flask(LOADS.replace("environ['KEY']", "environ.get('KEY', '')"), **DOTENV),
        flask(LOADS.replace("load_dotenv()", "if 'VALOHAI_PORT' not in os.environ:\n    load_dotenv()"), **DOTENV),
        flask(LOADS.replace("load_dotenv()", "load_dotenv('settings.env')"), **DOTENV, **{"settings.env": "KEY=1\n"}),
        flask(LOADS, **{"requirements.txt": "flask\npython-dotenv\n"}),
    ],
)
def test_variables_that_are_set_or_need_not_be_are_left_alone(files, project):
    assert found_in(project(files)).findings == ()
