"""How long the short commands take, beside a Python that does nothing: ``ps`` of a run, and ``check`` of ``digits``.

``python -m benchmarks.commands [--quick]``
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.process import end, start
from benchmarks.report import Goal, UnmeasuredError, conclude, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SAMPLES = Path(__file__).parent.parent / "sample_projects"
_PATH = "/bench/bench/local/20000101.0/words/"


def measure() -> Sequence[Goal]:
    """Alternate between the commands and the Python, and return the goals; once before, so that all is compiled."""
    rounds = 5 if "--quick" in sys.argv else 21
    with tempfile.TemporaryDirectory() as place:
        served, checked = (Path(shutil.copytree(_SAMPLES / name, Path(place, name))) for name in ("flask", "digits"))
        environment = {**os.environ, "XDG_CACHE_HOME": str(Path(place, "cache"))}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        commands = {
            "python -c pass": ["-c", "pass"],
            "vhlocal ps": ["-m", "vhlocal", "ps", "-C", str(served)],
            "vhlocal check digits": ["-m", "vhlocal", "check", "-C", str(checked)],
        }
        took: dict[str, list[float]] = {name: [] for name in commands}
        _, run = start(served, _PATH, environment)
        try:
            for number in range(rounds + 1):
                for name, words in commands.items():
                    seconds = _timed(words, environment)
                    if number > 0:
                        took[name].append(seconds)
        finally:
            end(run)
    print_table("from the start to the end of a command", "s", took)
    ps, check = (statistics.median(took[name]) for name in ("vhlocal ps", "vhlocal check digits"))
    return [Goal("ps, s", ps, "<=", 0.15), Goal("check digits, s", check, "<=", 0.35)]


def _timed(words: Sequence[str], environment: Mapping[str, str]) -> float:
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, env=environment, check=False)
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise UnmeasuredError(f"`{' '.join(words)}` ended with {done.returncode}")
    return seconds


if __name__ == "__main__":
    conclude(measure)
