"""A warm ``vhlocal up`` on the process runtime beside the same Gunicorn started by hand, each until its first 200.

``python -m benchmarks.process [--quick]``
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import Goal, UnmeasuredError, conclude, print_table
from benchmarks.starting import free_port, timed

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

_VERSION = "20000101.0"

#: Seconds that the first run gets to learn what the next one can import beforehand.
_LEARNING = 30.0

#: A model server: it imports what most of them do.
_REQUIREMENTS = "flask\nnumpy\npandas\nscikit-learn\n"
_YAML = "- endpoint:\n    name: model\n    image: python:3.11-slim\n    wsgi: server:app\n"
_SERVER = """\
import flask, numpy, pandas, sklearn.ensemble

app = flask.Flask(__name__)


@app.get("/")
def answer():
    return "here"
"""


def measure() -> Sequence[Goal]:
    """Alternate between the two, for a small server and for a model server, and return a goal for each."""
    rounds = 3 if "--quick" in sys.argv else 11
    samples = Path(__file__).parent.parent / "sample_projects"
    with tempfile.TemporaryDirectory() as place:
        small = Path(shutil.copytree(samples / "flask", Path(place, "small")))
        model = Path(place, "model")
        model.mkdir()
        for name, text in (("requirements.txt", _REQUIREMENTS), ("valohai.yaml", _YAML), ("server.py", _SERVER)):
            model.joinpath(name).write_text(text)
        environment = {**os.environ, "XDG_CACHE_HOME": str(Path(place, "cache"))}
        # As an installed vhlocal is: compiled.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return [
            Goal("up/gunicorn, small", _compared("a small server", small, "words", environment, rounds), "<=", 2.0),
            Goal("up/gunicorn, model", _compared("a model server", model, "model", environment, rounds), "<=", 1.2),
        ]


def _compared(title: str, project: Path, endpoint: str, environment: Mapping[str, str], rounds: int) -> float:
    """Return how many times what Gunicorn takes alone vhlocal takes, by the median of the pairs."""
    path = f"/bench/bench/local/{_VERSION}/{endpoint}/"
    gunicorn = _gunicorn(project, path, environment)
    up: list[float] = []
    alone: list[float] = []
    for _ in range(rounds):
        alone.append(_by_hand(project, gunicorn, environment))
        up.append(_up(project, path, environment))
    print_table(f"{title}: start to first 200", "s", {"gunicorn": alone, "vhlocal up, warm": up})
    ratio = statistics.median(mine / peer for mine, peer in zip(up, alone, strict=True))
    print(f"ratio of the pairs, median: {ratio:.2f}")
    return ratio


def _gunicorn(project: Path, path: str, environment: Mapping[str, str]) -> Path:
    """Let everything be made, learnt and kept once, and return the Gunicorn that vhlocal serves this project with."""
    cache = Path(environment["XDG_CACHE_HOME"], "vhlocal")
    made = cache / "environments"
    before = set(made.glob("*gunicorn*/local/bin/gunicorn"))
    learnt = len(list(cache.glob("imports/*.json")))
    _, process = start(project, path, environment)
    deadline = time.monotonic() + _LEARNING
    while len(list(cache.glob("imports/*.json"))) == learnt and time.monotonic() < deadline:
        time.sleep(0.1)
    end(process)
    # What has been learnt is kept for the next start with what its first server was made of.
    end(start(project, path, environment)[1])
    new = set(made.glob("*gunicorn*/local/bin/gunicorn")) - before
    if len(new) != 1:
        raise UnmeasuredError(f"the environment of {project.name} is not found in {made}")
    return new.pop()


def _by_hand(project: Path, gunicorn: Path, environment: Mapping[str, str]) -> float:
    port = free_port()
    command = [str(gunicorn), "server:app", "--bind", f"127.0.0.1:{port}"]
    seconds, process = timed(command, port, "/", environment, project)
    end(process)
    return seconds


def _up(project: Path, path: str, environment: Mapping[str, str]) -> float:
    seconds, process = start(project, path, environment)
    end(process)
    return seconds


def start(project: Path, path: str, environment: Mapping[str, str]) -> tuple[float, subprocess.Popen[bytes]]:
    """Start ``vhlocal up`` with processes; return the seconds until ``path`` is answered 200, and the process."""
    port = free_port()
    names = ("--owner", "bench", "--project", "bench", "--version-name", _VERSION)
    command = [sys.executable, "-m", "vhlocal", "up", "-C", str(project), "--port", str(port), *names]
    return timed([*command, "--runtime", "process"], port, path, environment)


def end(process: subprocess.Popen[bytes]) -> None:
    """End what was started, as Ctrl-C does."""
    process.send_signal(signal.SIGINT)
    process.wait()


if __name__ == "__main__":
    conclude(measure)
