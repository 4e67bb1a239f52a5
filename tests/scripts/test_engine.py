"""Making a base image of the distribution's packages, as far as it does not take minutes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent.parent / "scripts"))

import engine as preparation


@pytest.fixture
def tree(tmp_path):
    """A root as debootstrap leaves it, in the parts that matter."""
    root = tmp_path / "root"
    root.mkdir(mode=0o700)
    for directory in ("usr/bin", "usr/lib/python3.11", "var/cache/apt/archives/partial", "var/lib/apt/lists"):
        (root / directory).mkdir(parents=True)
    (root / "usr/bin/python3").touch()
    (root / "usr/bin/pip").touch()
    (root / "usr/lib/python3.11/EXTERNALLY-MANAGED").touch()
    (root / "var/cache/apt/archives/some.deb").touch()
    return root


def test_a_stand_in_has_the_official_images_commands_and_lets_pip_install(tree):
    preparation.shape_as_official(tree)
    assert (tree / "usr/bin/python").readlink() == Path("python3")
    assert not (tree / "usr/bin/pip").is_symlink()
    assert not list(tree.rglob("EXTERNALLY-MANAGED"))
    assert not list(tree.rglob("*.deb"))
    assert tree.stat().st_mode & 0o777 == 0o755


def test_a_tree_becomes_an_image_with_the_official_images_settings(engine, tree):
    name = "vhlocal-tests/stand-in:of-a-tree"
    try:
        preparation.import_image(engine, tree, name)
        config = engine.images.get(name).attrs["Config"]
        assert config["Cmd"] == ["python3"]
        assert "LANG=C.UTF-8" in config["Env"]
    finally:
        engine.images.remove(name, force=True)


def test_an_image_that_is_here_is_neither_pulled_nor_made(engine, base_image, capsys):
    preparation.ensure_image(engine, base_image)
    assert capsys.readouterr().out == ""


def test_pulling_says_why_it_could_not(engine):
    assert "connection refused" in preparation.pull(engine, "127.0.0.1:9/nothing:latest")


def test_pulling_brings_the_image(engine, base_image, registry):
    name = registry.publish(engine, base_image, megabytes=1)
    assert preparation.pull(engine, name) == ""
    assert engine.images.get(name)


def test_a_failing_command_is_told_with_what_it_printed():
    with pytest.raises(preparation.Missing, match=r"`sh -c .*` failed:\nout\nerr"):
        preparation.run("sh", "-c", "echo out; echo err >&2; exit 3")


def test_waiting_ends_at_its_limit():
    assert not preparation.wait_until(lambda: False, 0.05)
