"""What is published: a wheel that needs nothing of the repository, tried in a fresh environment."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import vhlocal as package
from tests.command import Vhlocal
from tests.waiting import free_port
from vhlocal.checks.registry import ALL_DEFINITIONS

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "vhlocal"


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The directory of what scripts/package makes, which twine has checked."""
    directory = tmp_path_factory.mktemp("dist")
    subprocess.run([ROOT / "scripts/package", directory], check=True, capture_output=True)
    return directory


@pytest.fixture(scope="module")
def wheel(built) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture
def installed(vhlocal, wheel, tools, tmp_path) -> Vhlocal:
    """The command line of the wheel, in an environment that has what the wheel asks for and nothing else."""
    environment = tmp_path / "environment"
    uv = str(tools / "uv")
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, environment], check=True)
    python = str(environment / "bin" / "python")
    subprocess.run([uv, "pip", "install", "-q", "--compile-bytecode", "--python", python, wheel], check=True)
    return Vhlocal(vhlocal.environment, (str(environment / "bin" / "vhlocal"),))


def test_the_wheel_holds_every_module_and_every_finding_page(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("vhlocal/")}
    modules = {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py")}
    pages = {f"vhlocal/pages/{definition.code}.md" for definition in ALL_DEFINITIONS}
    shown = {
        path.relative_to(ROOT).as_posix()
        for directory in ("static", "templates")
        for path in (PACKAGE / directory).rglob("*")
        if path.is_file()
    }
    assert len(shown) > 10
    assert held == modules | pages | shown | {"vhlocal/py.typed"}


def test_both_archives_have_the_licence_and_the_same_version(built):
    (source,) = built.glob("*.tar.gz")
    (wheel,) = built.glob("*.whl")
    assert source.name == f"vhlocal-{package.__version__}.tar.gz"
    assert wheel.name == f"vhlocal-{package.__version__}-py3-none-any.whl"
    with tarfile.open(source) as archive:
        assert f"vhlocal-{package.__version__}/LICENSE" in archive.getnames()
    with zipfile.ZipFile(wheel) as archive:
        assert f"vhlocal-{package.__version__}.dist-info/licenses/LICENSE" in archive.namelist()


def test_the_version_has_a_dated_entry_in_the_changelog():
    entries = re.findall(r"^## (\S+) \((\d{4}-\d\d-\d\d)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert entries[0][0] == package.__version__


def test_the_wheel_alone_checks_serves_explains_and_ends(installed, tmp_path):
    project = Path(shutil.copytree(ROOT / "sample_projects" / "server-command", tmp_path / "words"))
    assert installed("--version").stdout == f"vhlocal, version {package.__version__}\n"
    assert installed("check", cwd=project).stdout == "ok: nothing found\n"
    up = installed("up", "--detach", "--runtime", "process", "--port", str(free_port()), cwd=project)
    try:
        assert (up.returncode, up.stderr) == (0, ""), up.stdout
        assert "words: ready" in up.stdout
        assert installed.endpoints(project)["words"]["state"] == "ready"
        explained = installed("explain", "vh101", cwd=project)
        assert explained.stdout.startswith("VH101: valohai.yaml is refused\n")
    finally:
        down = installed("down", cwd=project)
    assert (down.returncode, down.stderr) == (0, "")
    assert down.stdout.startswith("Stopped the run at http://127.0.0.1:")
