"""A file that is away for a moment is waited for; one that stays away is believed to be gone."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from tests.session.edited import YAML, numbered
from tests.session.test_processes import asked
from tests.waiting import wait_for
from vhlocal.errors import InputError
from vhlocal.project.package import read_package
from vhlocal.session.wanted.desired import Inputs
from vhlocal.session.wanted.load import Loaded
from vhlocal.session.wanted.settled import PATIENCE, SettledLoad

if TYPE_CHECKING:
    from pathlib import Path

    from vhlocal.model import Package

EVER = 600.0


@dataclass(frozen=True)
class Read:
    """What a reading needs of a project's inputs."""

    package: Package
    sources: frozenset[Path]


@dataclass
class Reader:
    """Reads packages, and fails without ``valohai.yaml`` as the real one does."""

    directory: Path
    sources: frozenset[Path]
    readings: list[list[str]] = field(default_factory=list)

    def __call__(self, previous, touched):
        package = read_package(self.directory, previous.package if previous else None)
        self.readings.append(sorted(package.files))
        if not (self.directory / "valohai.yaml").is_file() or "valohai.yaml" not in package.files:
            raise InputError("there is no valohai.yaml")
        return Loaded(cast(Inputs, Read(package, self.sources)), ())


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "project" / "sub").mkdir(parents=True)
    for path in ("valohai.yaml", "app.py", "sub/mod.py"):
        (tmp_path / "project" / path).write_text("text")
    (tmp_path / "project" / "empty.py").touch()
    (tmp_path / "model.pkl").write_text("model")
    return tmp_path / "project"


def settled(directory, patience):
    """Return a reader, what settles it, and the first reading."""
    sources = {directory / "valohai.yaml", directory / "vhlocal.yaml", directory.parent / "model.pkl"}
    reader = Reader(directory, frozenset(sources))
    load = SettledLoad(reader, patience)
    first = load(reader(None, None).inputs, None).inputs
    reader.readings.clear()
    return reader, load, first


def take_away(file):
    file.unlink()


def empty(file):
    file.write_text("")


PATHS = ["app.py", "sub/mod.py", "valohai.yaml", "../model.pkl"]


@pytest.mark.parametrize("leave", [take_away, empty])
@pytest.mark.parametrize("path", PATHS)
def test_what_was_touched_and_is_away_is_waited_for(directory, path, leave):
    reader, load, first = settled(directory, EVER)
    file = (directory / path).resolve()
    leave(file)
    found = []
    reading = threading.Thread(target=lambda: found.append(load(first, frozenset({file}))))
    reading.start()
    file.write_text("written anew")
    reading.join()
    assert len(reader.readings) == 1, "it was not read before"
    if file.is_relative_to(directory):
        assert found[0].inputs.package.files[path].size == len("written anew")


@pytest.mark.parametrize("leave", [take_away, empty])
@pytest.mark.parametrize("path", ["app.py", "sub/mod.py", "valohai.yaml"])
def test_what_a_look_at_everything_misses_is_waited_for(directory, path, leave):
    reader, load, first = settled(directory, EVER)
    leave(directory / path)
    found = []
    reading = threading.Thread(target=lambda: found.append(load(first, None)))
    reading.start()
    wait_for(lambda: reader.readings, "the first reading")
    (directory / path).write_text("written anew")
    reading.join()
    assert found[0].inputs.package.files[path].size == len("written anew")


@pytest.mark.parametrize("touched", [True, False])
def test_what_stays_away_is_gone(directory, touched):
    _, load, first = settled(directory, 0.0)
    (directory / "app.py").unlink()
    after = load(first, frozenset({directory / "app.py"}) if touched else None).inputs
    assert "app.py" not in after.package.files
    assert load(after, None).inputs.package.files == after.package.files


def test_an_error_that_stays_is_raised_and_what_was_waited_for_once_is_not_again(directory):
    reader, load, first = settled(directory, 0.0)
    (directory / "valohai.yaml").unlink()
    touched = frozenset({directory / "valohai.yaml"})
    with pytest.raises(InputError):
        load(first, touched)
    for paths in (touched, None):
        reader.readings.clear()
        with pytest.raises(InputError):
            load(first, paths)
        assert len(reader.readings) == 1
    (directory / "valohai.yaml").write_text("text")
    assert load(first, touched).inputs.package.files["valohai.yaml"].size == 4


@pytest.mark.parametrize(
    "path", ["app.py~", "4913", ".swap", "empty.py", "sub", "vhlocal.yaml", "new.py", "../elsewhere.txt"]
)
def test_nobody_waits_for_what_was_not_there(directory, path):
    """Such as an editor's own files, or a directory that was renamed."""
    _, load, first = settled(directory, EVER)
    assert load(first, frozenset({(directory / path).resolve()})).inputs.package.files == first.package.files


def slow_save(directory, number, leave):
    """Save all files slowly, and return whether each was back as soon as an editor's is."""
    away = []
    for name in ("server.py", "valohai.yaml", "requirements.txt"):
        text = numbered(number) if name == "server.py" else (directory / name).read_text()
        began = time.monotonic()
        leave(directory / name)
        threading.Event().wait(0.12)
        (directory / name).write_text(text)
        away.append(time.monotonic() - began)
    return max(away) < PATIENCE / 2


def slow_saves(directory, run, numbers):
    """Have four slow saves be brought in, and return what was told of them, and whether all were an editor's."""
    before, in_time = len(run.output()), True
    for brought, (leave, number) in enumerate(zip((take_away, empty, take_away, empty), numbers, strict=False), 1):
        in_time &= slow_save(directory, number, leave)
        wait_for(lambda number=number: asked(run.url("words"))["number"] == number, f"save {number}")
        wait_for(lambda brought=brought: run.output()[before:].count(" live in ") >= brought, f"save {number} told")
    return run.output()[before:], in_time


def test_a_slow_save_is_answered_by_what_was_written_and_nothing_is_told_of_it(project, process_run):
    """Editors, formatters and git take a file away, or empty it, and write it a moment later."""
    directory = project({"valohai.yaml": YAML, "server.py": numbered(1), "requirements.txt": "# none\n"})
    run, numbers = process_run(directory), itertools.count(2)
    said, in_time = slow_saves(directory, run, numbers)
    while not in_time:  # a machine that is short of time keeps files away for longer
        said, in_time = slow_saves(directory, run, numbers)
    assert "error" not in said
    assert said.count(" live in ") == 4
