"""Draw the README's picture from a real run: scripts/picture.py writes docs/up.svg.

A sample project is served by processes, and one file is saved. The picture's description holds what it shows as text.
"""

from __future__ import annotations

import html
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "up.svg"
SAMPLE = ROOT / "sample_projects" / "flask"
COMMAND = ("up", "--owner", "acme", "--runtime", "process")

_SAVED = ("server.py", "jsonify(words=len(request", 'jsonify(kind="text", words=len(request')
_WIDTH = 100
_SECONDS = 300.0
_USUAL_PORT = 8080
#: What stands for the page's port and key, which are each project's own.
_PAGE = ":14210/#key=…"


def recorded(directory: Path, environment: Mapping[str, str]) -> str:
    """Serve a copy of the sample below ``directory`` and save a file; return what was printed, with its colours."""
    project = Path(shutil.copytree(SAMPLE, directory / "words"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "vhlocal", *COMMAND, "--port", str(port)]
    run = subprocess.Popen(
        command,
        cwd=project,
        env={**environment, "FORCE_COLOR": "1", "COLUMNS": str(_WIDTH)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    clock = threading.Timer(_SECONDS, run.kill)  # what waits for a line of it is not to wait for ever
    clock.start()
    printed: list[str] = []
    try:
        _read(run, printed, "ready: ")
        _save(project)
        _read(run, printed, "live in ")
    finally:
        run.send_signal(signal.SIGINT)
        run.communicate()
        clock.cancel()
    told = "".join(printed).replace(f":{port}", f":{_USUAL_PORT}")
    return re.sub(r":\d+/#key=[\w-]+", _PAGE, told)


def _read(run: subprocess.Popen[str], printed: list[str], until: str) -> None:
    assert run.stdout is not None
    for line in run.stdout:
        printed.append(line)
        if until in Text.from_ansi(line).plain:
            return
    raise SystemExit(f"the run ended before it printed `{until}`:\n{''.join(printed)}")


def _save(project: Path) -> None:
    file, old, new = project / _SAVED[0], *_SAVED[1:]
    text = file.read_text()
    assert old in text, f"{file.name} of the sample does not have `{old}`"
    file.write_text(text.replace(old, new))


def drawn(printed: str) -> str:
    """Return the picture of what was printed."""
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "bold green"), " ".join(("vhlocal", *COMMAND))))
    console.print(Text.from_ansi(printed.rstrip("\n")), soft_wrap=True)
    text = console.export_text(clear=False)
    made = console.export_svg(title="vhlocal up", unique_id="up")
    # The fonts of the reader's machine: a picture in a README loads none.
    made = re.sub(r"@font-face \{.*?\}\s*", "", made, flags=re.DOTALL)
    made = made.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")
    head, _, rest = made.partition("<style>")
    return f"{head}<desc>{html.escape(text, quote=False)}</desc>\n    <style>{rest}"


def shown(picture: str) -> list[str]:
    """Return the lines that a picture shows, without what differs from run to run."""
    found = re.search(r"<desc>(.*?)</desc>", picture, re.DOTALL)
    lines = html.unescape(found[1]).splitlines() if found else []
    return [stable(line) for line in lines if line.strip()]


def stable(line: str) -> str:
    """Return a line without durations, versions and revisions."""
    line = re.sub(r"[\d.]+ m?s\b", "N s", line.strip())
    line = re.sub(r"\b\d{8}\.\d+\b", "VERSION", line)
    return re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,}\b", "REVISION", line)


def main() -> int:
    """Draw the picture anew."""
    with tempfile.TemporaryDirectory() as directory:
        PICTURE.write_text(drawn(recorded(Path(directory), os.environ)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
