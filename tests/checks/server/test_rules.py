"""What the rules of servers say, from evidence alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from vhlocal.checks.modules import is_endless
from vhlocal.checks.rule import Rule
from vhlocal.checks.server.evidence import (
    Doing,
    Ended,
    Measured,
    Silent,
    Socket,
    Started,
    missing_file,
    missing_module,
)
from vhlocal.checks.server.memory import enough
from vhlocal.checks.server.registry import ENDED, MEASURED, OUTLIVED, SILENT, STARTED, UNREACHABLE, diagnose
from vhlocal.checks.starts import Cause
from vhlocal.checks.unpackaged import Why
from vhlocal.findings import Finding, Note
from vhlocal.model import Endpoint, EndpointFile, Place, Resources

YAML = Path("/p/valohai.yaml")
IGNORED = Why("it is ignored by git or .vhignore", "stop ignoring it")
MB = 1024 * 1024


def at(line):
    return Place(YAML, line)


ENDPOINT = Endpoint(
    name="digits",
    image="team/digits:1",
    port=8000,
    server_command=("uvicorn app:app",),
    resources=Resources(memory_max=256),
    places={"": at(1), "image": at(3), "server-command": at(4), "resources.memory": at(7), "port": at(5)},
)
WSGI = replace(ENDPOINT, server_command=None, wsgi="server:app", places={"": at(1), "wsgi": at(4)})


def found_by(rules, evidence) -> Finding | None:
    """Return what is found first; no rule fails."""
    found = diagnose(rules, evidence)
    assert not isinstance(found, Note), found.text
    return found


def end(code, *lines, endpoint=ENDPOINT, **facts):
    found = found_by(ENDED, Ended(endpoint, code, lines=lines, **facts))
    assert found.endpoint == "digits"
    return found


def told(found):
    return found.definition.code, found.place.line


# How it ended.


def test_k2_out_of_memory_is_told_with_the_limit_its_line_the_time_and_what_would_do():
    """K1, K2: the limit, when, which requests were on the way, and a limit that would do."""
    found = end(137, out_of_memory=True, when="before its first answer", peak=200 * MB)
    assert told(found) == ("VH507", 7)
    assert found.seen == "OOMKilled: the server exceeded its memory limit of 256 MiB before its first answer"
    assert "raise resources.memory.max to 320 at least" in found.change
    busy = end(137, out_of_memory=True, requests=("POST /o/p/d/v/digits/predict",), peak=300 * MB)
    assert busy.seen.endswith("of 256 MiB, with POST /o/p/d/v/digits/predict in flight")
    assert "to 384 at least (it needed over 300 MiB when it was ended)" in busy.change


def test_out_of_memory_without_a_limit_is_the_machines():
    found = end(137, endpoint=replace(ENDPOINT, resources=Resources()), out_of_memory=True)
    assert found.seen == "OOMKilled: the server exceeded the memory of this machine"
    assert found.change == "raise resources.memory.max, or make the server use less"


@pytest.mark.parametrize(
    ("peak", "limit"), [(10, 64), (51, 64), (52, 128), (256, 320), (800, 1024), (900, 1280), (3000, 3840)]
)
def test_a_limit_that_would_do_has_a_quarter_more_and_is_a_round_number(peak, limit):
    assert enough(peak * MB) == limit


@pytest.mark.parametrize(
    "line",
    ["sh: 1: uvicorn: not found", "sh: line 1: uvicorn: command not found", "sh: uvicorn: not found"],
    ids=["dash", "bash", "busybox"],
)
def test_b3_a_command_that_pip_put_off_the_path_is_named_with_its_place(line):
    """B3: exit 127 is explained with the right path."""
    found = end(127, line, requirements="requirements.txt")
    assert told(found) == ("VH504", 4)
    assert found.seen == "uvicorn was not found (exit code 127)"
    assert "~/.local/bin/uvicorn" in found.change


@pytest.mark.parametrize(
    ("code", "line", "place", "change"),
    [
        (2, "sh: 1: set: Illegal option -o pipefail", 5, "remove `-o pipefail`"),
        (127, "sh: 2: source: not found", 6, "write `. ./file`"),
        (127, "sh: 2: [[: not found", 4, "write `[ … ]`"),
        (2, 'sh: 3: Syntax error: "(" unexpected', 4, "that `bash` runs"),
        (2, "sh: 3: Bad substitution", 4, "that `bash` runs"),
        (2, "./start.sh: 3: set: Illegal option -o pipefail", 3, "remove `-o pipefail`"),
        (1, "start.sh: 7: trap: ERR: bad trap", 7, "that `bash` runs"),
    ],
)
def test_r2_what_sh_does_not_understand_is_told_with_its_line(code, line, place, change):
    """R2: `sh` runs the command."""
    found = end(code, line, commands=(("set", at(5)), ("source", at(6))), packaged=["start.sh"])
    assert told(found) == ("VH521", place)
    assert found.place.file.name == ("start.sh" if "start" in line else "valohai.yaml")
    assert change in found.change


@pytest.mark.parametrize(
    ("code", "line"), [(127, "sh: 1: uvicorn: not found"), (0, "sh: 2: source: not found"), (1, "ValueError: let: x")]
)
def test_r2_an_end_over_something_else_is_not_the_shells(code, line):
    assert told(end(code, line))[0] != "VH521"


def test_b1_another_image_s_sh_may_be_bash():
    """It is not this machine's to judge."""
    line = "sh: 1: set: Illegal option -o pipefail"
    assert told(end(2, line, stands_in=True))[0] == "VH515"
    official = replace(ENDPOINT, image="python:3.11-slim")
    assert told(end(2, line, endpoint=official, stands_in=True))[0] == "VH521"


def test_in_a_list_of_commands_the_line_of_the_one_is_named():
    """R2: a list of lines is run by a shell."""
    lines = (("sleep", at(5)), ("uvicorn", at(6)), ("uvicorn", at(7)))
    assert told(end(127, "sh: 2: uvicorn: not found", commands=lines)) == ("VH504", 6)
    assert told(end(127, "sh: 2: other: not found", commands=lines)) == ("VH504", 4)


def test_a_path_that_is_not_there_is_not_sought_in_local_bin():
    assert ".local" not in end(127, "sh: 1: ./serve.sh: not found").change
    assert end(127).seen == "the command was not found (exit code 127)"


def test_an_image_without_a_shell_is_told_at_the_image():
    found = end(127, "[FATAL tini (7)] exec sh failed: No such file or directory")
    assert told(found) == ("VH504", 3)
    assert "team/digits:1 has no `sh`" in found.seen


def test_a_file_that_may_not_be_executed_is_named():
    found = end(126, "sh: 1: ./serve.sh: Permission denied")
    assert told(found) == ("VH505", 4)
    assert "git add --chmod=+x ./serve.sh" in found.change


def test_an_image_for_other_machines_is_told_as_that():
    found = end(1, "[FATAL tini (8)] exec sh failed: Exec format error", architecture="arm64", machine="amd64")
    assert told(found) == ("VH506", 3)
    assert found.seen == "the image team/digits:1 is for arm64 machines, and this one is amd64"


@pytest.mark.parametrize(
    "line",
    [
        "sh: 1: ./tool: Exec format error",
        "sh: line 1: ./tool: cannot execute binary file: Exec format error",
        "OSError: [Errno 8] Exec format error: './tool'",
    ],
)
def test_a_program_for_other_machines_is_named(line):
    found = end(126, line, architecture="amd64", machine="amd64")
    assert told(found) == ("VH506", 4)
    assert found.seen.startswith("./tool is not a program for this kind of machine")


@pytest.mark.parametrize(
    ("code", "words"),
    [(139, "segmentation fault"), (132, "illegal instruction"), (137, "killed"), (143, "terminated")],
)
def test_signals_are_told_in_words(code, words):
    found = end(code)
    assert told(found) == ("VH508", 4)
    assert found.seen == f"the server was ended: {words} (exit code {code})"


def test_a_crash_names_the_requests_that_were_on_their_way():
    assert end(139, requests=("GET /a", "GET /b")).seen.endswith("(exit code 139), with GET /a, GET /b in flight")


def test_a_command_that_ends_as_if_all_were_done():
    assert told(end(0)) == ("VH514", 4)
    cause = Cause("`gunicorn -D` goes to the background, and ended with it", "remove `-D`")
    found = end(0, when="before its first answer", cause=cause)
    assert found.seen == f"`server-command` ended before its first answer with exit code 0: {cause.seen}"
    assert found.change == "remove `-D`"
    assert end(0, cause=cause).change.startswith("something sent SIGTERM")
    assert "sys.exit" in end(0, endpoint=WSGI, when="while its code was loaded").change


def test_any_other_end_is_told_with_its_code_and_where_the_exception_came_about():
    assert (told(end(3)), end(3).seen) == (("VH515", 4), "the server ended with exit code 3")
    assert told(end(1, raised=Place(Path("/p/server.py"), 9))) == ("VH515", 9)


def test_a_port_in_use_is_told_with_its_holder():
    found = end(1, "OSError: [Errno 98] Address already in use", holder=" by nginx (process 7)")
    assert told(found) == ("VH512", 4)
    assert found.seen == "port 8000 is in use by nginx (process 7)"


def test_a_worker_that_says_nothing_is_not_told_to_have_said_why():
    """Such as one whose code calls ``os._exit``: 3 is Gunicorn's own exit code."""
    found = end(3, "[INFO] Booting worker", endpoint=WSGI, when="while its code was loaded")
    assert found.seen == "Gunicorn's worker ended without an exception while its code was loaded (exit code 3)"
    assert "os._exit" in found.change
    found = end(3, "Traceback (most recent call last):", "x.Own: 1", endpoint=WSGI, when="while its code was loaded")
    assert found.seen == "the server ended with exit code 3"


def test_the_signal_that_ended_a_worker_is_told():
    """Gunicorn ends with a code of its own."""
    line = "[2026-01-01 00:00:00 +0000] [9] [WARNING] Worker (pid:12) was sent SIGSEGV!"
    found = end(3, line, endpoint=WSGI, when="while its code was loaded")
    assert (found.definition.code, found.seen) == (
        "VH508",
        "Gunicorn's worker was ended: segmentation fault (exit code 139)",
    )


def test_a_module_of_null_bytes_is_none_of_another_name():
    """Python names no file of it."""
    line = "wsgi: server:app could not be loaded: SyntaxError: source code string cannot contain null bytes"
    assert "save that module again" in end(3, line, endpoint=WSGI).change


def test_r4_what_wsgi_names_and_cannot_be_loaded():
    """R4: Gunicorn imports it before it answers anything."""
    found = end(3, "wsgi: server:app could not be loaded: AttributeError: no app", endpoint=WSGI)
    assert told(found) == ("VH513", 4)
    assert found.seen == "`wsgi: server:app` could not be loaded: AttributeError: no app"


# What was missing.

NO_SKLEARN = "ModuleNotFoundError: No module named 'sklearn.svm'"


def test_b2_a_missing_module_is_told_with_the_line_to_add_and_the_file_that_production_reads():
    """B2: the file that production would have read."""
    found = end(1, NO_SKLEARN, requirements="requirements-deployment.txt")
    assert told(found) == ("VH509", 4)
    assert found.seen.endswith("no module named sklearn.svm")
    assert found.change == "add scikit-learn to requirements-deployment.txt"
    assert [(edit.place.file.name, edit.new) for edit in found.edits] == [
        ("requirements-deployment.txt", "scikit-learn")
    ]
    both = ("requirements.txt", "requirements-deployment.txt")
    found = end(1, NO_SKLEARN, requirements="requirements-deployment.txt", packaged=both)
    assert found.change.endswith(", the one file that production installs")
    assert "requirements-deployment.txt or requirements.txt" in end(1, NO_SKLEARN).change


def test_a_module_that_nobody_knows_may_be_the_projects_own():
    found = end(1, "ModuleNotFoundError: No module named 'helpers'")
    assert "add what provides it" in found.change
    assert found.edits == ()
    assert "ignored by git" in found.change


def test_b5_a_module_of_the_project_that_is_not_packaged_is_told_as_that():
    """B5: what git ignores is not there in production."""
    found = end(1, "ModuleNotFoundError: No module named 'helpers.text'", here={"helpers/text.py": IGNORED})
    assert told(found) == ("VH510", 4)
    assert "helpers/text.py is on this machine, but not packaged" in found.seen


HIDDEN = "ModuleNotFoundError: No module named 'tornado.web'; 'tornado' is not a package"
OF_ITSELF = "ImportError: cannot import name 'Flask' from partially initialized module 'flask' (/valohai/code/flask.py)"


@pytest.mark.parametrize(
    ("line", "packaged", "raised", "change"),
    [
        (
            HIDDEN,
            "tornado.py",
            "tornado.py",
            "rename tornado.py, also in `server-command`: it hides the library tornado",
        ),
        (HIDDEN, "tornado.py", "", "rename tornado.py, also in `server-command`: it hides the library tornado"),
        (HIDDEN, "src/tornado.py", "src/web.py", "rename src/tornado.py, also in"),
        (OF_ITSELF, "flask.py", "flask.py", "rename flask.py: it hides the library flask"),
        (
            "AttributeError: partially initialized module 'redis' has no attribute 'Redis' (most likely due to …)",
            "redis/__init__.py",
            "redis/__init__.py",
            "rename redis/__init__.py: it hides",
        ),
        (
            "ImportError: cannot import name 'randint' from 'random' (/valohai/code/random.py)",
            "random.py",
            "web.py",
            "rename random.py: it hides the library random",
        ),
        (
            "AttributeError: module 'json' has no attribute 'loads' (consider renaming '/valohai/code/json.py' since "
            "it has the same name as the standard library module named 'json' and prevents it)",
            "json.py",
            "web.py",
            "rename json.py: it hides the library json",
        ),
    ],
)
def test_b2_a_file_that_hides_a_library_is_to_be_renamed(line, packaged, raised, change):
    """B2: what the requirements list is installed, and never loaded."""
    endpoint = replace(ENDPOINT, server_command=("python tornado.py",))
    place = Place(YAML.parent / raised, 1) if raised else None
    found = end(1, line, endpoint=endpoint, packaged=[packaged], raised=place, requirements="requirements.txt")
    assert found.definition.code == "VH522"
    assert found.place == (place or at(4))
    assert found.change.startswith(change)
    assert found.edits == ()


@pytest.mark.parametrize(
    ("line", "packaged", "raised"),
    [
        (HIDDEN, "other/tornado.py", "web.py"),
        (OF_ITSELF, "flask.py", "web.py"),
        ("ImportError: cannot import name 'a' from 'redis' (/valohai/code/redis.py)", "redis.py", "web.py"),
        ("ModuleNotFoundError: No module named 'helpers.text'; 'helpers' is not a package", "helpers.py", "web.py"),
    ],
    ids=["elsewhere", "a circle", "its own name", "its own module"],
)
def test_an_import_that_fails_otherwise_hides_no_library(line, packaged, raised):
    found = end(1, line, packaged=[packaged], raised=Place(YAML.parent / raised, 1))
    assert found.definition.code in ("VH509", "VH515")


def test_a_module_that_wsgi_names_is_sought_in_the_project():
    found = end(3, "ModuleNotFoundError: No module named 'server'", endpoint=WSGI)
    assert told(found) == ("VH509", 4)
    assert "the project has server.py" in found.change


def no_file(path):
    return f"FileNotFoundError: [Errno 2] No such file or directory: '{path}'"


@pytest.mark.parametrize("path", ["labels.txt", "./labels.txt", "/valohai/code/labels.txt"])
def test_b5_a_file_that_is_here_and_not_packaged_is_the_cause(path):
    """B5: the packaged set is production's."""
    found = end(1, no_file(path), here={"labels.txt": IGNORED}, raised=Place(Path("/p/server.py"), 2))
    assert told(found) == ("VH510", 2)
    here = "it is on this machine, but not packaged: it is ignored by git or .vhignore"
    assert found.seen == f"labels.txt does not exist: {here}"


@pytest.mark.parametrize("opened", ["modle.pkl", "models/model.pkl"])
def test_b4_a_chosen_file_under_another_name_is_named(opened):
    """B4: a file always lands at its path."""
    chosen = replace(ENDPOINT, files=(EndpointFile("model", "model.pkl", at(9)),))
    found = end(1, no_file(opened), endpoint=chosen, here={opened: IGNORED})
    assert told(found) == ("VH511", 4)
    assert found.seen == f"{opened} does not exist, but the chosen file lands at model.pkl"


@pytest.mark.parametrize("path", ["labels.txt", "/etc/labels.txt", "../labels.txt"])
def test_a_file_that_is_nowhere_is_no_more_than_the_end(path):
    assert end(1, no_file(path), here={"other.txt": IGNORED}).definition.code == "VH515"


def test_the_last_of_several_is_the_one():
    assert missing_module(f"ModuleNotFoundError: No module named 'a'\n{NO_SKLEARN}") == "sklearn.svm"
    assert missing_file(f"{no_file('a')}\n{no_file('b')}\nand more") == "b"
    assert (missing_module("all is well"), missing_file("all is well")) == (None, None)


# Where it listens.


OFFICIAL = replace(ENDPOINT, image="python:3.11-slim")


@pytest.mark.parametrize(
    ("endpoint", "line", "seen", "change"),
    [
        (
            ENDPOINT,
            "sh: 1: uvicorn: not found",
            "uvicorn",
            "if pip installs it in production, write ~/.local/bin/uvicorn",
        ),
        (ENDPOINT, "sh: 1: uv: not found", "uv", "name what it does have"),
        (ENDPOINT, "sh: 1: /opt/conda/bin/python: not found", "/opt/conda/bin/python", "name what it does have"),
        (OFFICIAL, "sh: 1: /usr/local/bin/python3: not found", "/usr/local/bin/python3", "name what it does have"),
        (OFFICIAL, "sh: 1: curl: not found", "curl", "name what it does have"),
    ],
)
def test_b1_a_command_that_the_image_may_bring_is_not_blamed_on_production(endpoint, line, seen, change):
    """B1: where this machine's Python stands in, nobody knows."""
    found = end(127, line, endpoint=endpoint, requirements="requirements.txt", stands_in=True)
    assert told(found) == ("VH516", 4)
    assert found.seen.startswith(f"{seen} is not on this machine; the image {endpoint.image} may contain it")
    assert "`vhlocal up --runtime docker`" in found.change and "--image digits=IMAGE" in found.change
    assert found.change.endswith(change)
    assert told(end(127, line, endpoint=endpoint)) == ("VH504", 4), "in its image it is known to be missing"


@pytest.mark.parametrize("line", ["sh: 1: ./serve.sh: not found", "sh: 1: /valohai/code/serve.sh: not found"])
def test_b5_a_file_of_the_package_is_production_s_matter_on_any_machine(line):
    """B5: no image brings it."""
    assert told(end(127, line, stands_in=True)) == ("VH504", 4)


def test_b3_what_only_pip_brings_is_production_s_matter_where_the_image_is_an_official_one():
    """B3: the official images are known to have no server."""
    found = end(127, "sh: 1: uvicorn: not found", endpoint=OFFICIAL, requirements="requirements.txt", stands_in=True)
    assert told(found) == ("VH504", 4)


def test_b1_a_module_that_the_image_may_bring_is_not_blamed_on_production():
    """B1: TensorFlow's own images bring it; an official Python image brings none."""
    line = "ModuleNotFoundError: No module named 'tensorflow'"
    found = end(1, line, stands_in=True)
    assert (told(found)[0], found.change.rpartition("; ")[2]) == (
        "VH516",
        "if the image does not have it either, add what provides it to requirements.txt",
    )
    assert found_by(OUTLIVED, Ended(ENDPOINT, None, lines=(line,), stands_in=True)).definition.code == "VH516"
    assert told(end(1, line))[0] == "VH509"
    assert told(end(1, line, endpoint=OFFICIAL, stands_in=True))[0] == "VH509"


def test_b5_the_projects_own_module_is_production_s_matter_on_any_machine():
    """B5: no image brings it, whether it is ignored or what `wsgi` names."""
    ignored = end(1, "ModuleNotFoundError: No module named 'own'", here={"own.py": IGNORED}, stands_in=True)
    assert told(ignored)[0] == "VH510"
    named = end(1, "ModuleNotFoundError: No module named 'server'", endpoint=WSGI, stands_in=True)
    assert told(named)[0] == "VH509"


def test_b1_a_library_of_the_system_is_the_images():
    """B1: compiled packages need it."""
    line = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
    found = end(1, line, stands_in=True)
    assert (told(found)[0], found.seen.partition(" is not")[0]) == ("VH516", "the library libGL.so.1")
    assert told(end(1, line))[0] == "VH515"


@pytest.mark.parametrize("name", ["python", "python3.12"])
def test_b3_a_missing_python_is_no_matter_of_pips(name):
    """B3: pip installs no Python, so that ~/.local/bin has none either."""
    found = end(127, f"sh: 1: {name}: not found", requirements="requirements.txt")
    assert found.change == "check which Python the image has: many have only `python3`"


def test_b3_a_command_that_no_requirement_can_bring_is_not_looked_for_where_pip_puts_its_own():
    """B3: without requirements nothing is in ~/.local/bin."""
    assert ".local" not in end(127, "sh: 1: node: not found").change


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "::1"])
def test_r3_a_server_on_loopback_is_told_to_bind_all_addresses(host):
    """R3: it is diagnosed by name."""
    found = found_by(UNREACHABLE, Silent(ENDPOINT, sockets=(Socket(host, 8000, loopback=True),)))
    assert told(found) == ("VH501", 4)
    assert f" on {'[::1]' if host == '::1' else host}:8000," in found.seen
    assert found.change == f"bind 0.0.0.0 instead of {host}"


def test_r3_a_server_on_another_port_is_told_which():
    """R3: so is one that listens elsewhere."""
    found = found_by(UNREACHABLE, Silent(ENDPOINT, sockets=(Socket("0.0.0.0", 5000, loopback=False),)))
    assert told(found) == ("VH502", 5)
    assert "listens on port 5000, but the endpoint's port is 8000" in found.seen


@pytest.mark.parametrize(
    "sockets",
    [
        None,
        (),
        (Socket("0.0.0.0", 8000, loopback=False),),
        (Socket("127.0.0.1", 8000, loopback=True), Socket("::", 8000, loopback=False)),
        (Socket("127.0.0.1", 6379, loopback=True),),
    ],
    ids=["nobody could look", "nothing yet", "right", "right on one of two", "only something internal"],
)
def test_r3_nothing_is_said_without_a_reason(sockets):
    assert found_by(UNREACHABLE, Silent(ENDPOINT, sockets=sockets)) is None


SERVER = Place(Path("/p/server.py"), 3)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"sockets": ()}, ": nothing listens yet"),
        ({"sockets": None}, ""),
        (
            {"sockets": (Socket("127.0.0.1", 5000, loopback=True), Socket("::1", 9, loopback=True))},
            ": it listens on 127.0.0.1:5000, [::1]:9 only, not on port 8000",
        ),
        (
            {"sockets": (Socket("127.0.0.1", 6379, loopback=True), Socket("0.0.0.0", 8000, loopback=False))},
            ": it listens on port 8000, but does not answer",
        ),
        (
            {"sockets": (Socket("0.0.0.0", 8000, loopback=False),)},
            ": it listens on port 8000, but does not answer",
        ),
        (
            {"doing": Doing(SERVER, "import tensorflow as tf", "/lib/tf.py in <module>")},
            f": it is still at {SERVER}, importing tensorflow",
        ),
        (
            {"doing": Doing(SERVER, "    from torch.nn import Module")},
            f": it is still at {SERVER}, importing torch",
        ),
        (
            {"doing": Doing(SERVER, "model = load()", "/lib/pickle.py in load")},
            f": it is still at {SERVER}, in /lib/pickle.py in load",
        ),
    ],
)
def test_a_server_that_does_not_answer_is_told_with_what_it_does(facts, words):
    found = found_by(SILENT, Silent(ENDPOINT, 40, **facts))
    assert told(found) == ("VH503", 3 if "doing" in facts else 4)
    assert found.seen == f"the server has not answered in 40 s{words}"


def test_what_cannot_listen_is_told_with_that_in_place_of_what_it_does():
    """Nothing is said of it if something listens, or nobody could look."""
    cause, doing = Cause("nothing that `python train.py` runs is a server", "end with one"), Doing(SERVER, "fit()")
    found = found_by(SILENT, Silent(ENDPOINT, 40, (), doing, cause=cause))
    assert found.seen == f"the server has not answered in 40 s: nothing listens, and {cause.seen}"
    assert (told(found), found.change) == (("VH503", 3), "end with one")
    for sockets in (None, (Socket("0.0.0.0", 8000, loopback=False),)):
        assert "train.py" not in found_by(SILENT, Silent(ENDPOINT, 40, sockets, cause=cause)).seen


def test_code_behind_an_endless_loop_is_not_reached():
    found = found_by(SILENT, Silent(ENDPOINT, 40, (), Doing(SERVER, "time.sleep(1)", endless=True)))
    assert found.change == "start the server before this loop, or run the loop in a thread: nothing behind it runs"
    assert "loop" not in found_by(SILENT, Silent(ENDPOINT, 40, (), Doing(SERVER, "time.sleep(1)"))).change


@pytest.mark.parametrize(
    ("body", "endless"),
    [
        ("while True:\n    work()\n", True),
        ("while 1:\n    if x:\n        work()\n", True),
        ("while waiting():\n    work()\n", False),
        ("while True:\n    work()\n    if done():\n        break\n", False),
        ("for x in y:\n    work()\n", False),
        ("from threading import Thread\nThread(target=serve).start()\nwhile True:\n    work()\n", False),
    ],
)
def test_a_loop_is_endless_if_nothing_in_it_ends_it(body, endless, tmp_path):
    file = tmp_path / "loop.py"
    file.write_text(body)
    line = 1 + next(number for number, text in enumerate(body.splitlines()) if "work()" in text)
    assert is_endless(Place(file, line)) == endless
    file.write_text(f"{body}serve()\n")
    assert not is_endless(Place(file, body.count("\n") + 1))


def test_new_code_is_told_as_that():
    assert found_by(SILENT, Silent(ENDPOINT, 30, new=True)).seen.startswith("the new code has not answered in 30 s")


# Limits.


@pytest.mark.parametrize(
    ("peak", "kept", "code"), [(20, True, None), (80, True, None), (81, True, "VH601"), (101, False, "VH507")]
)
def test_k1_a_peak_near_the_limit_is_told(peak, kept, code):
    """K1, K2: over four fifths of it; far below it is nothing."""
    found = found_by(MEASURED, Measured(ENDPOINT, peak * MB, 100 * MB, kept))
    assert (found and found.definition.code) == code
    assert found is None or found.place.line == 7


@pytest.mark.parametrize(("seconds", "code"), [(1, None), (299.9, None), (300, "VH604"), (599, "VH604")])
def test_a_start_of_half_a_rollouts_patience_is_told(seconds, code):
    found = found_by(STARTED, Started(ENDPOINT, seconds))
    assert (found and found.definition.code) == code


def test_a_rule_that_fails_says_so_in_one_line():
    """It must not keep the run from going on."""

    def find(evidence):
        raise ValueError("half-baked")
        yield

    note = diagnose([Rule(ENDED[0].definitions, find)], Started(ENDPOINT, 1))
    assert note == Note("VH507 could not be checked: ValueError: half-baked")


def test_what_was_missed_before_is_not_why_a_signal_ended_it():
    assert end(139, NO_SKLEARN).definition.code == "VH508"


def test_what_a_server_that_goes_on_has_missed_is_told_without_an_end():
    found = found_by(OUTLIVED, Ended(ENDPOINT, None, lines=(NO_SKLEARN,)))
    assert (found.definition.code, found.seen) == ("VH509", "no module named sklearn.svm")
    assert found_by(OUTLIVED, Ended(ENDPOINT, None, lines=("all is well",))) is None
