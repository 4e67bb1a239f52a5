"""``vhlocal prune`` on an engine that others use too: it removes what was made for this user, and tells it before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from docker.errors import ImageNotFound

from tests.cli.projects import plain
from tests.session.test_deployment import commit, git
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def own_environments(vhlocal, tmp_path):
    """Those that all tests share are not to be pruned: others run in them at this moment."""
    vhlocal.environment["XDG_CACHE_HOME"] = str(tmp_path / "own-cache")


def identity(vhlocal) -> str:
    return Path(vhlocal.environment["XDG_STATE_HOME"], "vhlocal", "identity").read_text()


def made_by(engine, owner: str) -> set[str]:
    return {tag for image in engine.images.list(filters={"label": f"vhlocal.owner={owner}"}) for tag in image.tags}


def test_images_of_this_user_are_shown_and_removed_and_those_of_others_stay(
    project, one_off, vhlocal, engine, tmp_path
):
    directory = project(plain() | one_off)
    assert vhlocal("build", "-C", str(directory)).returncode == 0
    mine = made_by(engine, identity(vhlocal))
    assert len(mine) == 2, "the requirements' layer and the whole image"
    other = {"XDG_STATE_HOME": str(tmp_path / "other"), "XDG_CACHE_HOME": str(tmp_path / "other-cache")}

    theirs = vhlocal("prune", "--all", "-C", str(directory), environment=other)
    assert theirs.returncode == 0, theirs.stderr
    assert theirs.stdout == "Nothing to remove\n"
    assert "vhlocal images on this engine are kept: other users" in theirs.stderr
    assert made_by(engine, identity(vhlocal)) == mine

    shown = vhlocal("prune", "--all", "--dry-run", "-C", str(directory))
    assert all(f"would remove image {tag} (" in shown.stdout for tag in mine), shown.stdout
    assert "; nothing was removed\n" in shown.stdout
    assert made_by(engine, identity(vhlocal)) == mine

    removed = vhlocal("prune", "--all", "-C", str(directory))
    assert all(f"removed image {tag}" in removed.stdout for tag in mine), removed.stdout
    assert made_by(engine, identity(vhlocal)) == set()


def test_a_layer_that_a_container_uses_is_neither_shown_nor_removed(project, one_off, starting, vhlocal, engine):
    directory = project(plain() | one_off)
    with starting(directory, "--port", "0") as run:
        run.wait_for_state("ready")
        mine = made_by(engine, identity(vhlocal))
        for more in (("--dry-run",), ()):
            done = vhlocal("prune", "--all", *more, "-C", str(directory))
            assert (done.returncode, done.stdout) == (0, "Nothing to remove\n")
        assert made_by(engine, identity(vhlocal)) == mine


def test_an_image_of_an_earlier_vhlocal_is_known_by_the_projects_that_stood_on_it(
    project, one_off, starting, vhlocal, engine
):
    directory = project(plain() | one_off)
    with starting(directory, "--port", "0") as run:
        run.wait_for_state("ready")
    state = Path(vhlocal.environment["XDG_STATE_HOME"])
    [kept] = state.rglob("layers.json")
    [tag] = json.loads(kept.read_text())["layers"]
    unlabelled(engine, tag)
    kept.write_text(json.dumps({"directory": "/nonexistent", "layers": [tag]}))
    done = vhlocal("prune", "-C", str(directory))
    assert f"removed image {tag}" in done.stdout, done.stdout + done.stderr
    with pytest.raises(ImageNotFound):
        engine.images.get(tag)


def unlabelled(engine, tag: str) -> None:
    """Make an image anew under its tag, with the label of its owner emptied: an earlier vhlocal wrote none."""
    container = engine.containers.create(tag, ["true"])
    repository, _, version = tag.rpartition(":")
    container.commit(repository=repository, tag=version, conf={"Labels": {"vhlocal.owner": ""}})
    container.remove(v=True)


def test_environments_are_shown_before_they_are_removed(project, starting, vhlocal, tmp_path):
    setup = "import setuptools\nsetuptools.setup(name='x')\n"
    directory = project(plain(**{"requirements.txt": "./local\n", "local/setup.py": setup}))
    with starting(directory, "--port", "0", "--runtime", "process") as run:
        run.wait_for_state("ready")
    for kept in Path(vhlocal.environment["XDG_STATE_HOME"]).rglob("layers.json"):
        kept.unlink()
    environments = tmp_path / "own-cache" / "vhlocal" / "environments"
    before = {path.name for path in environments.iterdir() if path.is_dir()}
    shown = vhlocal("prune", "--dry-run", "-C", str(directory))
    assert shown.stdout.count("would remove environment ") == 1, shown.stdout + shown.stderr
    assert {path.name for path in environments.iterdir() if path.is_dir()} == before
    removed = vhlocal("prune", "-C", str(directory))
    assert removed.stdout.count("removed environment ") == 1, removed.stdout
    assert {path.name for path in environments.iterdir() if path.is_dir()} < before


def test_what_served_versions_stand_on_is_kept_and_taken_once_they_are_not(project, starting, vhlocal):
    """K10: a commit's files are in nobody's way once no run serves them, and are made again when they are wanted."""
    setup = "import setuptools\nsetuptools.setup(name='x')\n"
    directory = project(plain())
    git(directory, "init", "-q", "-b", "main")
    commit(directory, "v1")
    (directory / "local").mkdir()
    (directory / "local" / "setup.py").write_text(setup)
    (directory / "requirements.txt").write_text("./local\n")
    commit(directory, "v2")
    git(directory, "rm", "-q", "-r", "requirements.txt", "local")
    versions = ("--with-version", "old=v1", "--with-version", "new=v2")
    with starting(directory, "--port", "0", "--runtime", "process", *versions) as run:
        wait_for(lambda: "\nready: " in run.output(), f"all of it to be up: {run.output()}")
        [kept] = Path(vhlocal.environment["XDG_STATE_HOME"]).rglob("layers.json")
        assert len(json.loads(kept.read_text())["layers"]) == 1, "that of v2"
        done = vhlocal("prune", "--dry-run", "-C", str(directory))
        assert (done.returncode, "version" in done.stdout) == (0, False), done.stdout + done.stderr
    hashes = [git(directory, "rev-parse", each).strip()[:12] for each in ("v1", "v2")]
    shown = vhlocal("prune", "--dry-run", "-C", str(directory)).stdout
    assert [f"would remove version {each} of {directory} (" in shown for each in hashes] == [True, True], shown
    done = vhlocal("prune", "-C", str(directory))
    assert done.stdout.count("removed version ") == 2, done.stdout + done.stderr
    assert "version" not in vhlocal("prune", "-C", str(directory)).stdout
    with starting(directory, "--port", "0", "--runtime", "process", "--with-version", "old=v1") as run:
        wait_for(lambda: "\nready: " in run.output(), f"it to be served again: {run.output()}")
