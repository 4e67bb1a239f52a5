"""The demo, as a newcomer runs it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.engine_fixtures import SAMPLES, containers_of
from tests.waiting import wait_for

ROOT = Path(__file__).parent.parent.parent
DEMO = ROOT / "scripts" / "demo"
SECONDS = 500


@pytest.fixture
def environment(base_image, vhlocal):
    return vhlocal.environment


def test_once_prints_the_answer_and_the_url_and_leaves_nothing(engine, environment, tmp_path):
    done = subprocess.run(
        [DEMO, "--once", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"digit":7' in done.stdout
    assert "/local/dev/digits" in done.stdout
    assert containers_of(engine, SAMPLES / "digits") == []


def test_without_an_engine_it_serves_from_processes_and_installs_none(environment, tmp_path):
    """On a machine with Python and a network alone."""
    done = subprocess.run(
        [DEMO, "--once", "--port", "0"],
        cwd=tmp_path,
        env={**environment, "DOCKER_HOST": f"unix://{tmp_path}/nothing.sock"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"digit":7' in done.stdout
    assert "endpoints run as processes on this machine" in done.stdout
    assert "==> Installing" not in done.stdout
    assert list(Path(environment["XDG_CACHE_HOME"], "vhlocal").glob("servers/*/*")) == []


def test_it_serves_until_interrupted(engine, environment, tmp_path):
    log = tmp_path / "demo.log"
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [DEMO, "--port", "0"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def answered() -> bool:
        assert demo.poll() is None, log.read_text()
        return "Ctrl-C ends" in log.read_text()

    try:
        wait_for(answered, "the answer", SECONDS)
        assert containers_of(engine, SAMPLES / "digits") != []
        os.killpg(demo.pid, signal.SIGINT)  # as a terminal does
        assert demo.wait(120) in {0, 130}, log.read_text()
    finally:
        if demo.poll() is None:
            os.killpg(demo.pid, signal.SIGTERM)
            demo.wait(120)
    assert containers_of(engine, SAMPLES / "digits") == []
    assert "Traceback" not in log.read_text()
