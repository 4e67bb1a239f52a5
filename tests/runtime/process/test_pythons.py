"""Interpreters are found as they are on this machine: fakes are real scripts, the rest is real."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runner.stacks import interpreter
from vhlocal.runtime.process.pythons import Pythons, find_python, running_python, wanted_version

RUNNING = "{}.{}".format(*sys.version_info)
OTHER = "3.9" if RUNNING != "3.9" else "3.11"


def script(directory, name, text):
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


@pytest.fixture(scope="module")
def other():
    """A Python of another minor version than the one that runs this."""
    interpreter(OTHER)
    return find_python(OTHER, os.environ)


@pytest.fixture
def nothing(tmp_path):
    """An environment in which no interpreter is to be found."""
    return {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path / "pyenv")}


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("python:3.9", "3.9"),
        ("python:3.9-slim", "3.9"),
        ("python:3.11.4-bookworm", "3.11"),
        ("python:3.14.0b1-slim", "3.14"),
        ("python:3.14-rc", "3.14"),
        ("python:3.10@sha256:0123", "3.10"),
        ("docker.io/library/python:3.12", "3.12"),
        ("registry.example:5000/library/python:3.11.4-bookworm", "3.11"),
        ("python", None),
        ("python:3", None),
        ("python:3-slim", None),
        ("python:latest", None),
        ("my-python:3.9", None),
        ("acme/python-service:3.9", None),
        ("python/service:3.9", None),
        ("localhost:3.9", None),
        ("pypy:3.9", None),
        ("python:3.9x", None),
        ("", None),
    ],
)
def test_the_version_that_an_image_names(image, version):
    assert wanted_version(image) == version


def test_the_running_interpreter_is_no_virtual_environment_s(nothing):
    python = running_python()
    assert find_python(None, nothing) == find_python(RUNNING, nothing) == python
    asked = subprocess.run(
        [python.path, "-I", "-c", "import sys; print(sys.prefix == sys.base_prefix, *sys.version_info[:3], sep='.')"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert asked.stdout.strip() == f"True.{python.version}"
    assert (python.minor, python.numbers) == (RUNNING, sys.version_info[:2])


def test_what_is_not_here_is_not_found(nothing):
    assert find_python(OTHER, nothing) is None
    assert find_python("3.99", os.environ) is None
    assert find_python(OTHER, {}) is None


def test_a_shim_that_leads_nowhere_is_passed_over(tmp_path, nothing, other):
    script(tmp_path / "shims", f"python{OTHER}", f"echo 'pyenv: python{OTHER}: command not found' >&2; exit 127")
    script(tmp_path / "liar", f"python{OTHER}", f'exec {running_python().path} "$@"')
    script(tmp_path / "noise", f"python{OTHER}", "echo hello")
    script(tmp_path / "bin", f"python{OTHER}", f'exec {other.path} "$@"')
    path = os.pathsep.join(str(tmp_path / name) for name in ("none", "shims", "liar", "noise", "bin"))
    assert find_python(OTHER, {**nothing, "PATH": path}) == other


def test_pyenv_s_newest_that_runs_is_taken(tmp_path, nothing, other):
    versions = tmp_path / "pyenv" / "versions"
    script(versions / f"{OTHER}.100" / "bin", f"python{OTHER}", "exit 1")
    for patch, text in (("9", "exit 1"), ("20", f'exec {other.path} "$@"')):
        script(versions / f"{OTHER}.{patch}" / "bin", f"python{OTHER}", f"echo {patch} >> {tmp_path}/asked; {text}")
    script(versions / f"{OTHER}-dev" / "bin", f"python{OTHER}", f"echo dev >> {tmp_path}/asked; exit 1")
    assert find_python(OTHER, nothing) == other
    assert (tmp_path / "asked").read_text() == "20\n"


@pytest.mark.parametrize(
    ("variable", "usual", "below"),
    [
        ("PYENV_ROOT", ".pyenv", "versions"),
        ("ASDF_DATA_DIR", ".asdf", "installs/python"),
        ("MISE_DATA_DIR", ".local/share/mise", "installs/python"),
    ],
)
def test_a_manager_s_are_found_below_home_or_where_its_variable_says(tmp_path, variable, usual, below, other):
    home = {"PATH": "", "HOME": str(tmp_path)}
    for root, environ in ((tmp_path / usual, home), (tmp_path / "else", {**home, variable: str(tmp_path / "else")})):
        assert find_python(OTHER, environ) is None
        fake = script(root / below / f"{OTHER}.4" / "bin", f"python{OTHER}", f'exec {other.path} "$@"')
        assert find_python(OTHER, environ) == other
        fake.unlink()


def test_uv_is_asked_last_and_downloads_nothing(tmp_path, nothing, other):
    script(tmp_path / "bin", "uv", f'echo "$@" > {tmp_path}/asked; echo {other.path}')
    assert find_python(OTHER, nothing) == other
    assert "--no-python-downloads" in (tmp_path / "asked").read_text()


@pytest.mark.parametrize("version", ["3.6", OTHER])
def test_a_virtual_environment_s_python_leads_to_the_one_below(tmp_path, nothing, version):
    interpreter(version)
    below = find_python(version, os.environ)
    subprocess.run([below.path, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    found = tmp_path / "venv" / "bin" / f"python{version}"
    if not found.exists():
        found.symlink_to("python")
    assert find_python(version, {**nothing, "PATH": str(found.parent)}) == below


def test_what_was_found_is_remembered_until_it_changes(tmp_path, nothing, other):
    asked = tmp_path / "asked"
    fake = script(
        tmp_path / "bin", f"python{OTHER}", f"echo x >> {asked}; echo {tmp_path}/bin/python{OTHER}; echo {OTHER}.1"
    )
    first = Pythons(tmp_path / "cache", nothing).find(OTHER)
    assert first is not None and (first.path, first.version) == (fake, f"{OTHER}.1")
    assert Pythons(tmp_path / "cache", nothing).find(OTHER) == first
    assert asked.read_text() == "x\n"
    script(tmp_path / "bin", f"python{OTHER}", f'exec {other.path} "$@"')
    assert Pythons(tmp_path / "cache", nothing).find(OTHER) == other
    (tmp_path / "cache" / f"python{OTHER}.found").write_text("{")
    assert Pythons(tmp_path / "cache", nothing).find(OTHER) == other
    fake.unlink()
    Path(tmp_path / "cache" / f"python{OTHER}.found").unlink()
    assert Pythons(tmp_path / "cache", nothing).find(OTHER) is None
