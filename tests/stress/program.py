"""The stress: a run on each runtime, clients and an editor who do what people do, and then: what went wrong?"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import Goal, UnmeasuredError
from tests.stress.outcome import Outcome
from tests.stress.run import Run
from tests.stress.saves import Saves
from tests.stress.traffic import VISITORS, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.stress.judge import Answer
    from tests.stress.run import Use

#: Seconds that all endpoints get to answer with what was saved last.
_LIVE_LIMIT = 60.0

#: Seconds that replaced servers get to be gone, and idle connections to be closed, once all clients have left.
_CALM_LIMIT = 100.0

#: Seconds that streams get to be ended, and the run itself, after Ctrl-C.
_END_LIMIT = 60.0


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line, or ``arguments``."""
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1200.0, help="how long each runtime is edited and asked")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--runtime", choices=("docker", "process", "both"), default="both")
    parser.add_argument("--saves", type=int, default=sys.maxsize, help="how many saves at most")
    parser.add_argument("--neighbours", type=int, default=2, help="processes that compute beside it")
    parser.add_argument("--keep", type=Path, help="a directory for what the runs print")
    return parser.parse_args(arguments)


def measure(given: argparse.Namespace) -> list[Goal]:
    """Stress the runtimes one after the other, print what was seen, and return the goals."""
    print(f"seed {given.seed}", flush=True)
    goals = []
    for runtime in ("process", "docker") if given.runtime == "both" else (given.runtime,):
        with _place() as place, _neighbours(given.neighbours):
            outcome = _run(place, runtime, given)
        outcome.show()
        goals += outcome.goals()
    return goals


def _run(place: Path, runtime: str, given: argparse.Namespace) -> Outcome:
    run = Run(place, runtime)
    try:
        run.running.wait_for_state("ready")
        return asyncio.run(_stress(run, given))
    except AssertionError as error:
        raise UnmeasuredError(str(error)) from error
    finally:
        if run.running.process.poll() is None:
            run.running.stop(signal.SIGINT, _END_LIMIT)
        if given.keep is not None:
            given.keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(run.running.log, given.keep / f"up-{runtime}.log")


@contextlib.contextmanager
def _place() -> Iterator[Path]:
    place = tempfile.mkdtemp(prefix="vhs-")
    try:
        yield Path(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _neighbours(count: int) -> Iterator[None]:
    """Let others compute meanwhile; they end with this process at the latest."""
    code = "import select, sys\nwhile not select.select([sys.stdin], [], [], 0)[0]:\n    sum(range(100_000))"
    processes = [subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.communicate()


async def _stress(run: Run, given: argparse.Namespace) -> Outcome:
    urls = {name: f"{facts['urls'][0]}/" for name, facts in run.running.endpoints().items()}
    outcome = Outcome(run, Saves(run.directory, random.Random(given.seed)), Traffic(urls, given.seed))
    following = asyncio.ensure_future(run.follow())
    try:
        # What a first reload needs is there from then on.
        await outcome.saves.mend()
        await _until_live(outcome)
        await _calm(outcome)
        outcome.uses.append(await _least_use(run, None))
        await _edit_under_load(outcome, given)
        outcome.beside += await _calm(outcome)
        outcome.uses.append(await _least_use(run, outcome.uses[0]))
        await _end(outcome)
    finally:
        following.cancel()
    return outcome


async def _edit_under_load(outcome: Outcome, given: argparse.Namespace) -> None:
    saves, chance = outcome.saves, random.Random(given.seed)
    outcome.traffic.begin()
    half = asyncio.ensure_future(_use_after(outcome, given.seconds / 2))
    deadline = time.monotonic() + given.seconds
    while time.monotonic() < deadline and saves.count < given.saves:
        await saves.burst()
        await _until_live(outcome)
        if chance.random() < 0.3:
            await saves.break_off()
            await _until(outcome, lambda answer: answer.marked and answer.code == saves.good, "told to be broken")
            await saves.mend()
            await _until_live(outcome)
    await half
    await outcome.traffic.leave()


async def _use_after(outcome: Outcome, seconds: float) -> None:
    await asyncio.sleep(seconds)
    outcome.uses.append(await asyncio.to_thread(outcome.run.use))


async def _until_live(outcome: Outcome) -> None:
    """Wait until every endpoint answers with what was saved last."""
    saves = outcome.saves
    await _until(outcome, lambda answer: answer.code == saves.good and not answer.marked, "live")
    outcome.seconds.append(time.monotonic() - saves.last)


async def _until(outcome: Outcome, right: Callable[[Answer], bool], what: str) -> None:
    waiting = set(VISITORS)
    deadline = time.monotonic() + _LIVE_LIMIT
    while waiting and time.monotonic() < deadline:
        answers = await asyncio.gather(*map(outcome.traffic.look, sorted(waiting)))
        waiting -= {answer.endpoint for answer in answers if right(answer)}
        await asyncio.sleep(0.05)
    if waiting:
        state = f"{tuple(outcome.saves.good)} at {outcome.saves.last:.2f}"
        outcome.never_live.append(f"not {what} in {_LIVE_LIMIT:.0f} s: {sorted(waiting)}, last good save {state}")


async def _calm(outcome: Outcome) -> list[str]:
    """Wait until each endpoint has one server in one runner; return what is still otherwise."""
    deadline = time.monotonic() + _CALM_LIMIT
    while (found := _beside(outcome.run)) and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
    return found


def _beside(run: Run) -> list[str]:
    servers = run.servers()
    found = [f"runner {pid} has {count} servers" for pid, count in servers.items() if count != 1]
    if len(servers) != len(VISITORS):
        found.append(f"{len(servers)} runners for {len(VISITORS)} endpoints")
    return found


async def _least_use(run: Run, before: Use | None) -> Use:
    """Return what is used once idle connections have been closed, as far as that comes about."""
    deadline = time.monotonic() + _CALM_LIMIT
    while before is not None and _uses_more_files(run.use(), before) and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    return run.use()


def _uses_more_files(now: Use, before: Use) -> bool:
    return now.files > before.files or now.runner_files > before.runner_files


async def _end(outcome: Outcome) -> None:
    """End the run while streams are open."""
    run, left = outcome.run, outcome.left
    ended = await outcome.traffic.stay_to_the_end()
    processes = run.processes()
    run.running.process.send_signal(signal.SIGINT)
    try:
        code = await asyncio.to_thread(run.running.process.wait, _END_LIMIT)
        if code not in (0, 130):
            left.append(f"exit code {code}")
        await asyncio.wait_for(ended(), _END_LIMIT)
    except (asyncio.TimeoutError, subprocess.TimeoutExpired):
        left.append(f"the run itself, or a stream, {_END_LIMIT:.0f} s after Ctrl-C")
    left += await asyncio.to_thread(lambda: list(run.left(processes)))
