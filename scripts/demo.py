"""Train the model of the sample project `digits` if it is not there, serve it, send an image, print the answer."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import engine
from engine import Missing, say
from training import PROJECT, ensure_model

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = PROJECT / "seven.png"

VHLOCAL = (sys.executable, "-m", "vhlocal")
ALIAS = "dev"
POLL_SECONDS = 0.2
INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Run the demo; return the exit code, which is that of ``vhlocal up`` unless that was ended by us."""
    once = "--once" in arguments
    try:
        if engine.answers():
            engine.ensure_image(engine.connect())
        ensure_model()
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    command = [*VHLOCAL, "up", "-C", str(PROJECT), *(argument for argument in arguments if argument != "--once")]
    say("vhlocal " + " ".join(command[3:]))
    server = subprocess.Popen(command)
    # Ctrl-C reaches both processes; ending is up to the one that serves, and this one waits for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    try:
        return serve(server, once)
    finally:
        if server.poll() is None:
            server.terminate()
        server.wait()


def serve(server: subprocess.Popen[bytes], once: bool) -> int:
    """Wait for the endpoint, send the image, print the answer; keep on until the server ends unless ``once``."""
    url = wait_for_url(server)
    if url is None:
        return server.wait()
    try:
        answer = post(url, IMAGE)
    except urllib.error.HTTPError as error:
        with error:
            print(f"The endpoint answered {error.code}: {error.read().decode(errors='replace')}", file=sys.stderr)
        return 1
    say(f"Sent {IMAGE.name} to {url}")
    say(f"The answer: {answer}")
    if once:
        return 0
    say(f"Try it: curl -H 'Content-Type: image/png' --data-binary @{IMAGE} {url}   (Ctrl-C ends)")
    return server.wait()


def wait_for_url(server: subprocess.Popen[bytes]) -> str | None:
    """Return the endpoint's URL under the alias once it answers, or None when the server has ended."""
    while server.poll() is None:
        for endpoint in endpoints():
            if endpoint["state"] == "ready":
                return next(str(url) for url in endpoint["urls"] if f"/{ALIAS}/" in url)
        time.sleep(POLL_SECONDS)
    return None


def endpoints() -> list[dict[str, Any]]:
    """Return what ``vhlocal ps`` tells; nothing before there is a run."""
    command = [*VHLOCAL, "ps", "--json", "-C", str(PROJECT)]
    listed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    found: list[dict[str, Any]] = json.loads(listed)["endpoints"] if listed else []
    return found


def post(url: str, image: Path) -> str:
    """Send an image and return the answer's text."""
    request = urllib.request.Request(url, data=image.read_bytes(), headers={"Content-Type": "image/png"})
    # The server is on this machine: a proxy that the environment names has no part in reaching it.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as response:
        answer: bytes = response.read()
    return answer.decode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
