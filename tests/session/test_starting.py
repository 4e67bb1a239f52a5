"""A start with an endpoint that does not come up: the others serve, every error is told, and a save is the next try."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from tests.fakes.runtime import FakeRuntime
from tests.served import at
from tests.session.edited import YAML, numbered
from tests.session.test_reload import answers
from vhlocal.contract.image import GUNICORN
from vhlocal.errors import BuildError
from vhlocal.events import Bus, Event, Problem
from vhlocal.masked import MASK
from vhlocal.runtime.base import Layer, Runtime
from vhlocal.session.wanted.environments import tell_problems
from vhlocal.session.wanted.execute import execute
from vhlocal.session.wanted.plan import Environment, plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.command import Running


#: Two sound endpoints, one whose code does not import, and one whose image cannot be had.
OTHER = YAML.replace("words", "more")
BROKEN = YAML.replace("words", "broken").replace("server:app", "broken:app")
NO_IMAGE = YAML.replace("words", "imageless").replace("python:3.11-slim", "localhost:9/no/such:1")


def is_told(run: Running, *texts: str) -> None:
    run.wait_for_output(*texts)


def states(run: Running) -> dict[str, str]:
    return {name: told["state"] for name, told in run.endpoints().items()}


def test_the_good_endpoints_serve_and_a_save_is_the_next_try(project, process_run):
    files = {"valohai.yaml": YAML + BROKEN + OTHER, "server.py": numbered(1), "broken.py": "import nowhere\n"}
    directory = project(files)
    run = process_run(directory, "--no-fail-fast", ready=False)
    is_told(run, "ready: 2 of 3 endpoints in", "broken: the server ended with exit code 3: no module named nowhere")
    assert states(run) == {"words": "ready", "broken": "crashed", "more": "ready"}
    answers(run, "number", 1, "words")
    (directory / "broken.py").write_text(numbered(2))
    answers(run, "number", 2, "broken")
    answers(run, "number", 1, "more")


def test_all_errors_are_told_where_nothing_serves(project, process_run):
    directory = project({"valohai.yaml": YAML + BROKEN, "server.py": "1 / 0\n", "broken.py": "import nowhere\n"})
    run = process_run(directory, "--no-fail-fast", ready=False)
    is_told(run, "ready: 0 of 2 endpoints in", "error: words: ", "division by zero", "error: broken: ")
    (directory / "server.py").write_text(numbered(1))
    answers(run, "number", 1, "words")


def test_requirements_that_cannot_be_installed_are_told_once_and_mended_by_a_save(project, process_run):
    files = {"valohai.yaml": YAML + OTHER, "server.py": numbered(1), "requirements.txt": "--no-index\nmissing\n"}
    directory = project(files)
    run = process_run(directory, "--no-fail-fast", ready=False)
    is_told(run, "ready: 0 of 2 endpoints in", "error: words, more: ")
    assert run.output().count("error: words, more: ") == 1
    assert states(run) == {"words": "crashed", "more": "crashed"}
    (directory / "requirements.txt").unlink()
    answers(run, "number", 1, "words")
    answers(run, "number", 1, "more")
    assert "has been removed" not in run.output()


def test_an_endpoint_whose_image_cannot_be_had_does_not_keep_the_others_down(project, running):
    directory = project({"valohai.yaml": NO_IMAGE + YAML, "server.py": numbered(1)})
    with running(directory, "--no-fail-fast", ready=False) as run:
        is_told(run, "ready: 1 of 2 endpoints in", "the image localhost:9/no/such:1 is not on this machine")
        answers(run, "number", 1, "words")
        (directory / "valohai.yaml").write_text(YAML + NO_IMAGE.replace("localhost:9/no/such:1", "python:3.11-slim"))
        answers(run, "number", 1, "imageless")


def test_the_same_error_is_not_printed_whole_at_each_try(project, process_run):
    directory = project({"valohai.yaml": BROKEN, "broken.py": "import nowhere\n"})
    run = process_run(directory, "--no-fail-fast", ready=False)
    is_told(run, "broken: the same error again; trying again in 4 s, or when you save")
    assert run.output().count("| ModuleNotFoundError") == 2, run.output()  # its own words, and the error's


def test_the_errors_of_the_static_checks_are_told_without_being_asked_for(project, process_run):
    command = YAML.replace("wsgi: server:app", "server-command: python -m flask run --host 127.0.0.1 --port 8000")
    directory = project({"valohai.yaml": command, "server.py": numbered(1)})
    run = process_run(directory, "--no-fail-fast", ready=False)
    is_told(run, "error VH106: ")


def test_explain_fills_in_what_the_run_has_found(project, process_run, vhlocal):
    command = YAML.replace("wsgi: server:app", "server-command: python -m http.server --bind 127.0.0.1 8000")
    directory = project({"valohai.yaml": command})
    run = process_run(directory, "--no-fail-fast", ready=False)
    is_told(run, "vhlocal explain VH501")
    said = vhlocal("explain", "VH501", cwd=directory).stdout
    assert "In this project\n  error VH501: the server listens on 127.0.0.1:8000" in said


class Slow(FakeRuntime):
    """A runtime on which one layer cannot be made."""

    def __init__(self, broken: str) -> None:
        super().__init__()
        self.broken, self.built = broken, []

    def build(self, layer: Layer, on_line: Callable[[str], None]) -> None:
        if layer.tag == self.broken:
            raise BuildError(f"{layer.title} failed")
        self.built.append(layer.tag)


def layer(tag: str, parent: str) -> Layer:
    return Layer(tag, parent, tag, GUNICORN)


def test_what_stands_on_an_image_that_failed_is_left_out_and_nothing_else():
    shared, below, above = layer("shared", "base"), layer("below", "base"), layer("above", "below")
    wanted = plan(
        [
            Environment(at("good"), "base", (shared,)),
            Environment(at("bad"), "base", (below, above)),
            Environment(at("worse"), "base", (below,)),
        ],
        {},
    )

    async def work() -> None:
        runtime = Slow("below")
        outcome = await execute(wanted, cast(Runtime, runtime), Bus(), fail_fast=False)
        assert runtime.built == ["shared"]
        assert [title for title, _ in outcome.took[at("good")]] == ["pull base", "shared"]
        assert {str(failed): error.message for failed, error in outcome.failed.items()} == {
            "bad": "below failed",
            "worse": "below failed",
        }
        bus, told = Bus(), list[Event]()
        bus.subscribe(told.append)
        tell_problems(bus, outcome.failed)
        assert [each.error.message for each in told if isinstance(each, Problem)] == ["bad, worse: below failed"]
        with pytest.raises(BuildError, match="below failed"):
            await execute(wanted, cast(Runtime, Slow("below")), Bus())

    asyncio.run(work())


class Failing(FakeRuntime):
    """A runtime on which no layer can be made, since an index with a password has nothing."""

    def build(self, layer: Layer, on_line: Callable[[str], None]) -> None:
        on_line("Looking in https://ada:hunter22@index/simple")
        raise BuildError("nothing at https://ada:hunter22@index", detail="see https://ada:hunter22@index/x")


def test_no_build_tells_an_indexs_password():
    wanted = plan([Environment(at("words"), "base", (layer("requirements", "base"),))], {})
    told: list[object] = []

    async def work() -> None:
        bus = Bus()
        bus.subscribe(told.append)
        outcome = await execute(wanted, cast(Runtime, Failing()), bus, fail_fast=False)
        (error,) = outcome.failed.values()
        said = f"{told} {error.message} {error.detail}"
        assert said.count(f"https://ada:{MASK}@index") >= 3
        assert "hunter22" not in said

    asyncio.run(work())


class Printing(FakeRuntime):
    """A runtime whose installations print a line each time that something else is needed, and then fail."""

    def __init__(self, needed: set[str], then: tuple[set[str], ...]) -> None:
        super().__init__()
        self.needed, self._then = needed, then

    def build(self, layer: Layer, on_line: Callable[[str], None]) -> None:
        for number, needed in enumerate(self._then, 1):
            self.needed = needed
            on_line(f"line {number}")
        raise BuildError("no")


def test_nothing_is_published_of_a_build_that_nobody_needs_any_more():
    """Lines, an end and a failure of requirements that a later save has taken back are nobody's."""
    wanted = plan([Environment(at("words"), "base", (layer("requirements", "base"),))], {})

    def said(*then: set[str]) -> list[str]:
        told: list[Event] = []

        async def work() -> None:
            bus, runtime = Bus(), Printing({"requirements"}, then)
            bus.subscribe(told.append)
            with pytest.raises(BuildError):
                await execute(
                    wanted, cast(Runtime, runtime), bus, is_needed=lambda key: key in {"base", *runtime.needed}
                )

        asyncio.run(work())
        steps = [each for each in told if getattr(each, "step", None) == "requirements"]
        return [f"{type(each).__name__} {getattr(each, 'text', getattr(each, 'cause', ''))}".strip() for each in steps]

    it, nothing = {"requirements"}, set[str]()
    began = "StepStarted first build"
    assert said(it, nothing, nothing) == [began, "StepOutput line 1", "StepUnneeded"]
    assert said(nothing, it, it) == [
        began,
        "StepUnneeded",
        "StepStarted needed again",
        "StepOutput line 2",
        "StepOutput line 3",
        "StepFailed",
    ]


#: A distribution whose installation takes until a file exists, and then fails.
SLOW = {
    "slow/pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "slow/backend.py": """\
import os, sys, time

def build_wheel(*_):
    while not os.path.exists({go!r}):
        time.sleep(0.05)
    sys.exit("nobody is to read this")
""",
}


def test_requirements_that_are_taken_back_while_they_are_installed_print_nothing_more(project, process_run, tmp_path):
    go = tmp_path / "go"
    slow = {path: text.replace("{go!r}", repr(str(go))) for path, text in SLOW.items()}
    directory = project({"valohai.yaml": YAML, "server.py": numbered(1), **slow})
    run = process_run(directory)
    (directory / "requirements.txt").write_text("--no-index\n./slow\n")
    run.wait_for_output("requirements.txt for words")
    (directory / "requirements.txt").unlink()
    (directory / "server.py").write_text(numbered(2))
    answers(run, "number", 2, "words")
    go.touch()
    run.wait_for_output("requirements.txt is no longer needed")
    (directory / "server.py").write_text(numbered(3))
    answers(run, "number", 3, "words")
    assert "nobody is to read this" not in run.output()
    assert "requirements.txt failed" not in run.output()
    assert "error" not in run.output()
