"""The one dependency rule and the single owners, as ``docs/architecture.md`` states them."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "vhlocal"

LEVELS = {
    "__init__": 0,
    "model": 0,
    "errors": 0,
    "findings": 0,
    "events": 0,
    "regular": 0,
    "storage": 0,
    "values": 0,
    "visible": 0,
    "masked": 0,
    "parsing": 0,
    "exchanges": 0,
    "contract": 1,
    "scaling": 1,
    "comparison": 1,
    "sending": 1,
    "loops": 1,
    "signals": 1,
    "project": 2,
    "runtime": 3,
    "reload": 3,
    "gateway": 3,
    "checks": 3,
    "recorder": 3,
    "series": 3,
    "smoke": 3,
    "load": 3,
    "session": 4,
    "ahead": 5,
    "api": 5,
    "ui": 5,
    "cli": 6,
    "testing": 6,
    "pytest_plugin": 7,
    "__main__": 7,
}

OWNERS = {
    "docker": ("runtime/docker/engine.py",),
    "rich": ("ui/",),
    "click": ("cli/",),
    "jinja2": ("api/rendering.py",),
    "segno": ("api/",),
    "werkzeug": ("api/", "contract/paths.py"),
    "signal": ("session/session.py", "runtime/process/guard.py", "signals.py", "smoke/tool_guard.py"),
    "watchdog": ("reload/watchdog_watch.py",),
    "httptools": ("gateway/",),
    "valohai_yaml": ("project/",),
    "yaml": ("project/",),
    "asyncio": ("runtime/", "reload/", "gateway/", "checks/", "session/", "api/", "ui/", "cli/", "loops.py"),
}

RUNNER = sorted(path for path in ROOT.joinpath("runner").rglob("*.py"))
MODULES = sorted(path for path in ROOT.rglob("*.py") if path not in RUNNER)

#: What Python has of its own, and has had since 3.6: the oldest that the runner is started by.
STANDARD = sys.stdlib_module_names - {"contextvars", "dataclasses", "graphlib", "tomllib", "zoneinfo"}
YOUNGER = ("importlib.metadata", "importlib.resources")

#: Of others' packages: who may import what. Starlette is the app's own, and only looked at where it is loaded already.
OTHERS = {
    "gunicorn": ("serve_wsgi",),
    "starlette": ("serve_wsgi_prefix.py",),
}


def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def package_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards_and_owners_are_kept(path):
    home = package_of(path)
    where = path.relative_to(ROOT).as_posix()
    for name in imports(path):
        top, *rest = name.split(".")
        if top == "vhlocal":
            target = rest[0] if rest[0] in LEVELS else "__init__"
            allowed = target == home or LEVELS[target] < LEVELS[home] or LEVELS[target] == LEVELS[home] == 0
            assert allowed, f"{where} imports {name}"
        elif top in OWNERS:
            assert where.startswith(OWNERS[top]), f"{where} imports {name}, which {OWNERS[top]} own"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_environment_and_tasks_have_one_owner(path):
    where = path.relative_to(ROOT).as_posix()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            dotted = f"{node.value.id}.{node.attr}"
            assert dotted not in {"os.environ", "os.getenv"} or where == "project/settings.py", f"{where}: {dotted}"
            assert dotted not in {"asyncio.create_task", "asyncio.ensure_future"}, f"{where}: {dotted}"


def test_every_package_has_a_level():
    assert {package_of(path) for path in MODULES} <= set(LEVELS)


@pytest.mark.parametrize("path", RUNNER, ids=lambda path: path.name)
def test_the_runner_imports_its_own_files_the_standard_library_and_gunicorn(path):
    """It is copied into containers as single files, to Pythons that have no more than Gunicorn, from 3.6 on."""
    own = {file.stem for file in RUNNER}
    for name in imports(path):
        top = name.split(".")[0]
        assert not name.startswith(YOUNGER), f"{path.name} imports {name}, which Python 3.6 has not"
        if top in OTHERS:
            assert path.name.startswith(OTHERS[top]), f"{path.name} imports {name}, which {OTHERS[top]} may"
        else:
            assert top in own | STANDARD, f"{path.name} imports {name}"


@pytest.mark.parametrize("path", RUNNER, ids=lambda path: path.name)
def test_what_serves_as_production_does_knows_nothing_of_what_forks_it(path):
    """``serve_wsgi*`` go into images too, where there is no ``serve_warm*``."""
    if path.name.startswith("serve_wsgi"):
        assert not [name for name in imports(path) if name.startswith("serve_warm")]


def test_nothing_of_ours_imports_the_runner():
    """It is read as files: what runs in the container is never a part of what runs here."""
    for path in MODULES:
        assert not [name for name in imports(path) if name.startswith(("vhlocal.runner", "serve_w"))], path


def test_no_module_outgrows_its_reader():
    assert {str(path): n for path in [*MODULES, *RUNNER] if (n := len(path.read_text().splitlines())) > 500} == {}


#: The rooms of the session, each of which may use those before it; and what stands below and above all of them.
ROOMS = ("wanted", "warm", "traffic", "diagnosis", "endpoint", "offers")
ABOVE = {"session", "options", "view", "build", "deployment", "changes", "telling"}

#: Packages in which each file is a row of one table.
TABLES = {"rules", "strategies"}


def room_of(parts: tuple[str, ...]) -> int:
    """Return the rank of a module of the session, given its name below it: what uses the others has the higher one."""
    if parts[0] in ROOMS:
        return ROOMS.index(parts[0]) + 1
    return len(ROOMS) + 1 if parts[0] in ABOVE else 0


@pytest.mark.parametrize("path", sorted(ROOT.joinpath("session").rglob("*.py")), ids=lambda path: path.name)
def test_the_rooms_of_the_session_use_those_before_them(path):
    home = room_of(tuple(part.removesuffix(".py") for part in path.relative_to(ROOT / "session").parts))
    for name in imports(path):
        if name.startswith("vhlocal.session."):
            target = tuple(name.split(".")[2:])
            assert room_of(target) <= home, f"{path.relative_to(ROOT)} imports {name}"


def test_a_test_that_bears_a_modules_name_lies_where_the_module_does():
    """``vhlocal/session/warm/forks.py`` is tested by ``tests/session/warm/test_forks.py``."""
    tests = ROOT.parent / "tests"
    mirrored = {
        (path.parent.relative_to(ROOT), path.stem) for path in [*MODULES, *RUNNER] if path.stem not in {"__init__"}
    }
    strays = []
    for test in tests.rglob("test_*.py"):
        where, stem = test.parent.relative_to(tests), test.stem.removeprefix("test_")
        package = ROOT / where
        inner = [
            folder for folder, name in mirrored if name == stem and folder != where and folder.is_relative_to(where)
        ]
        if where.parts and package.is_dir() and (where, stem) not in mirrored and inner:
            strays.append(f"{test.relative_to(tests)}: {stem} is in {inner}")
    assert strays == []


def test_every_package_is_tested_in_one_of_its_name():
    """Those apart that are the files of a table: what is promised of each is asked where the table is tested."""
    packages = {path.parent.relative_to(ROOT) for path in [*MODULES, *RUNNER] if path.parent.name not in TABLES}
    assert [str(each) for each in packages if not (ROOT.parent / "tests" / each).is_dir()] == []
