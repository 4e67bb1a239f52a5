"""Take the README's picture of the page from a real run: scripts/page_picture.py writes docs/page.png.

A sample is served by processes in two versions, with aliases and two replicas, is asked for a while, and one file is
saved. The picture holds what it shows as text too, by which a test knows when it is out of date.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "page.png"
SAMPLE = ROOT / "sample_projects" / "flask"
SIZE = (1180, 710)

_SAVED = ("server.py", "jsonify(words=len(request", 'jsonify(kind="text", words=len(request')
_NAMES = ("--owner", "acme", "--project", "texts", "--alias", "staging", "--replicas", "words=2")
_VERSIONS = ("--with-version", "stable=v1.2 prod")
_SECONDS = 300.0
_USUAL_PORT = 8080
_KEY = b"Description"


def taken(directory: Path, environment: Mapping[str, str], seconds: float) -> tuple[bytes, str]:
    """Serve a copy of the sample below ``directory``, ask it for so many seconds; return the picture and its text."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - not what a test of the text needs

    chromium = shutil.which("chromium-headless-shell")
    assert chromium is not None, "scripts/chromium installs Chromium"
    project = _committed(directory)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "vhlocal"]
    options = ["--runtime", "process", "--no-doctor", "--port", str(port), *_NAMES, *_VERSIONS]
    log = directory / "up.log"
    with log.open("wb") as output:
        run = subprocess.Popen([*command, "up", *options], cwd=project, env=environment, stdout=output, stderr=output)
    try:
        _wait(log, "ready: ", run)
        said = subprocess.run([*command, "ps", "--link"], cwd=project, env=environment, capture_output=True, check=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport=dict(zip(("width", "height"), SIZE, strict=True)), color_scheme="light")
            page.goto(said.stdout.decode().strip())
            page.wait_for_selector("vh-overview .endpoint >> nth=1")
            _ask(port, seconds)
            _save(project)
            page.wait_for_selector("vh-overview :text('last reload')")
            _ask(port, seconds)
            picture = _shot(page, port)
            browser.close()
        return picture
    finally:
        run.send_signal(signal.SIGINT)
        run.wait()


def _shot(page: Page, port: int) -> tuple[bytes, str]:
    # In the picture it is the port that runs have where it is free.
    page.evaluate(
        """([from, to]) => {
            const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(from, to);
        }""",
        [f":{port}", f":{_USUAL_PORT}"],
    )
    return page.screenshot(), page.inner_text("body")


def _committed(directory: Path) -> Path:
    project = Path(shutil.copytree(SAMPLE, directory / "texts"))
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "Count words"], ["tag", "v1.2"]):
        subprocess.run(["git", *arguments], cwd=project, check=True)
    return project


def _wait(log: Path, until: str, run: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _SECONDS
    while until not in log.read_text():
        if run.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the run did not print `{until}`:\n{log.read_text()}")
        time.sleep(0.1)


def _ask(port: int, seconds: float) -> None:
    """Ask both versions, more and less often in turn."""
    began = time.monotonic()
    while (gone := time.monotonic() - began) < seconds:
        for alias in ("dev", "dev", "prod"):
            url = f"http://127.0.0.1:{port}/acme/texts/local/{alias}/words/where"
            urllib.request.urlopen(url, timeout=60).close()
        time.sleep(0.06 + 0.05 * math.sin(gone / 2))


def _save(project: Path) -> None:
    file, old, new = project / _SAVED[0], *_SAVED[1:]
    text = file.read_text()
    assert old in text, f"{file.name} of the sample does not have `{old}`"
    file.write_text(text.replace(old, new))


def described(picture: bytes, text: str) -> bytes:
    """Return a PNG with a text in it (an iTXt chunk, before the last one)."""
    body = b"iTXt" + _KEY + b"\0\0\0\0\0" + text.encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return picture[:-12] + chunk + picture[-12:]


def shown(picture: bytes) -> list[str]:
    """Return the lines of the text in a PNG that are the same from run to run."""
    place = picture.index(b"iTXt" + _KEY)
    (length,) = struct.unpack(">I", picture[place - 4 : place])
    return stable(picture[place + 4 + len(_KEY) + 5 : place + 4 + length].decode())


def stable(text: str) -> list[str]:
    """Return a page's lines that tell no measure, number or revision, each once."""
    lines = [line.strip() for line in text.splitlines()]
    return list(
        dict.fromkeys(line for line in lines if line and not re.search(r"(?<![:.\w/])[0-9]|[0-9a-f]{7}|\u2013", line))
    )


def main() -> int:
    """Take the picture anew."""
    with tempfile.TemporaryDirectory() as directory:
        PICTURE.write_bytes(described(*taken(Path(directory), os.environ, 20.0)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
