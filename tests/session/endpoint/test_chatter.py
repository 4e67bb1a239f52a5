"""Which lines of a server say nothing to its user."""

from __future__ import annotations

import pytest

from tests.served import at
from vhlocal.session.endpoint.chatter import Chatter

STAMP = "[2026-11-25 21:29:40 +0000] [12]"


@pytest.mark.parametrize(
    "line",
    [
        f"{STAMP} [INFO] Starting gunicorn 27.0.1",
        f"{STAMP} [INFO] Listening at: http://0.0.0.0:8000 (1)",
        f"{STAMP} [INFO] Using worker: sync",
        f"{STAMP} [INFO] Booting worker with pid: 18163",
        f"{STAMP} [INFO] Application startup complete.",
        f"{STAMP} [INFO] Serving an ASGI application with gunicorn.workers.gasgi.ASGIWorker",
        f"{STAMP} [INFO] Worker shutting down...",
        "INFO:     Started server process [1]",
        "INFO:     Waiting for application startup.",
        "INFO:     Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)",
        f"{STAMP} [INFO] Running on http://0.0.0.0:8000 (CTRL + C to quit)",
        " * Serving Flask app 'server'",
        " * Running on all addresses (0.0.0.0)",
        " * Running on http://127.0.0.1:8000",
        "\x1b[31m\x1b[1mWARNING: This is a development server. Do not use it in a production deployment.\x1b[0m",
        "\x1b[33mPress CTRL+C to quit\x1b[0m",
    ],
)
def test_a_banner_is(line):
    assert Chatter().has(at("words"), line)


@pytest.mark.parametrize(
    "line",
    [
        f"{STAMP} [ERROR] Worker (pid:18167) exited with code 3.",
        f"{STAMP} [INFO] loading the model",
        f"{STAMP} [CRITICAL] WORKER TIMEOUT (pid:12)",
        "INFO:     loading the model",
        "ERROR:    Application startup failed. Exiting.",
        " * Debug mode: on",
        "Listening at: the door",
        'INFO:     127.0.0.1:53214 - "GET /a/b/local/dev/words/ HTTP/1.1" 200 OK',
    ],
)
def test_what_an_app_says_is_not(line):
    assert not Chatter().has(at("words"), line)


@pytest.mark.parametrize(
    "line",
    [
        'INFO:     127.0.0.1:53214 - "GET /a/b/local/dev/words/ HTTP/1.1" 200 OK',
        '127.0.0.1 - - [25/Nov/2026 21:29:40] "GET /a/b/local/dev/words/ HTTP/1.1" 404 -',
        '127.0.0.1 - - [25/Nov/2026:21:29:40 +0000] "GET /a/b/local/dev/words/ HTTP/1.1" 200 3 "-" "vhlocal-probe"',
        "GET /a/b/local/dev/words/ 200 1.2 ms",
        '127.0.0.1 - - [25/Nov/2026 21:29:40] "\x1b[33mGET /a/b/local/dev/words/ HTTP/1.1\x1b[0m" 404 -',
    ],
)
def test_a_request_of_our_own_is_once(line):
    chatter = Chatter()
    chatter.expect(at("words"), "GET", "/a/b/local/dev/words/")
    assert not chatter.has(at("other"), line)
    assert not chatter.has(at("words"), line.replace("/words/", "/words/x"))
    assert not chatter.has(at("words"), line.replace("GET", "POST"))
    assert chatter.has(at("words"), line)
    assert not chatter.has(at("words"), line)
