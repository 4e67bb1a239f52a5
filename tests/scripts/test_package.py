"""What is published: a wheel that needs nothing of the repository, tried in a fresh environment."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

import vhlocal as package
from tests.command import Vhlocal
from tests.engine.servers import project_of
from tests.session.conftest import NO_ENGINE
from tests.waiting import free_port
from vhlocal.checks.registry import ALL_DEFINITIONS

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from pythons import VERSIONS  # noqa: E402

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


@pytest.fixture(params=VERSIONS)
def installed(vhlocal, wheel, tools, tmp_path, request) -> Vhlocal:
    """The command line of the wheel, in an environment that has what the wheel asks for and nothing else."""
    environment = tmp_path / "environment"
    uv = str(tools / "uv")
    found = subprocess.run([ROOT / "scripts/find-python", request.param], check=True, capture_output=True, text=True)
    subprocess.run([uv, "venv", "-q", "--python", found.stdout.strip(), environment], check=True)
    python = str(environment / "bin" / "python")
    subprocess.run([uv, "pip", "install", "-q", "--python", python, wheel], check=True)
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
    assert held == modules | pages | shown | {"vhlocal/py.typed", "vhlocal/checks/distributions.json"}


def test_both_archives_have_the_licence_and_the_same_version(built):
    (source,) = built.glob("*.tar.gz")
    (wheel,) = built.glob("*.whl")
    assert source.name == f"vhlocal-{package.__version__}.tar.gz"
    assert wheel.name == f"vhlocal-{package.__version__}-py3-none-any.whl"
    with tarfile.open(source) as archive:
        assert f"vhlocal-{package.__version__}/LICENSE" in archive.getnames()
    with zipfile.ZipFile(wheel) as archive:
        assert f"vhlocal-{package.__version__}.dist-info/licenses/LICENSE" in archive.namelist()


SNIPPETS = re.findall(r"^```yml\n(.*?)^```$", (ROOT / "docs" / "smoke-tests.md").read_text(), re.MULTILINE | re.DOTALL)


def commands(snippet: dict[str, Any]) -> list[str]:
    """Return what a job of GitHub's or of GitLab's runs."""
    if "jobs" in snippet:
        return [step["run"] for step in snippet["jobs"]["smoke"]["steps"] if "run" in step]
    return list(snippet["smoke"]["script"])


@pytest.mark.parametrize("text", SNIPPETS, ids=["github", "gitlab"])
def test_the_snippets_for_ci_install_and_test(wheel, vhlocal, project, tmp_path, text):
    """In an environment of their own, which finds what the wheel asks for in the one that runs this."""
    assert 3 <= len(text.splitlines()) <= 10
    own = tmp_path / "own"
    subprocess.run([sys.executable, "-m", "venv", own], check=True)
    (site,) = own.glob("lib/*/site-packages")
    (site / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    fixture = "import pytest\n\n@pytest.mark.vhlocal_endpoints\ndef test_it(vhlocal_endpoint):\n"
    tests = {
        "smoke/plain.http": "GET {{endpoint}}/\n# expect 200\n",
        "smoke/test_plain.py": f"{fixture}    assert vhlocal_endpoint.get().status == 200\n",
    }
    directory = project({**project_of("python server.py"), **tests})
    for command in commands(yaml.safe_load(text)):
        done = subprocess.run(
            ["sh", "-ec", command.replace("${{ vars.VHLOCAL }}", str(wheel))],
            cwd=directory,
            env={
                **vhlocal.environment,
                **NO_ENGINE,
                "VHLOCAL": str(wheel),
                "PATH": f"{own / 'bin'}:{vhlocal.environment['PATH']}",
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            },
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "4 passed, 0 failed"
    assert ElementTree.parse(directory / "smoke.xml").getroot().attrib["tests"] == "4"


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
        assert explained.stdout.startswith("VH101: The platform rejects valohai.yaml\n")
    finally:
        down = installed("down", cwd=project)
    assert (down.returncode, down.stderr) == (0, "")
    assert down.stdout.startswith("Stopped the run at http://127.0.0.1:")
