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
    "storage": 0,
    "values": 0,
    "visible": 0,
    "masked": 0,
    "contract": 1,
    "project": 2,
    "runtime": 3,
    "reload": 3,
    "gateway": 3,
    "checks": 3,
    "session": 4,
    "control": 5,
    "ui": 5,
    "cli": 6,
    "__main__": 7,
}

OWNERS = {
    "docker": ("runtime/docker/engine.py",),
    "rich": ("ui/",),
    "click": ("cli/",),
    "werkzeug": ("control/", "contract/paths.py"),
    "signal": ("session/session.py", "runtime/process/guard.py"),
    "watchdog": ("reload/observed.py",),
    "httptools": ("gateway/",),
    "valohai_yaml": ("project/",),
    "yaml": ("project/",),
    "asyncio": ("runtime/", "reload/", "gateway/", "checks/", "session/", "control/", "ui/", "cli/"),
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
