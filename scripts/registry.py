"""Have an image registry's program for the tests of pulling, beside the tests' own Python.

The distribution's package is unpacked, not installed: an installed one would run as a service of the machine.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from engine import Missing, run, say

PROGRAM = "docker-registry"


def program() -> Path:
    """Return where the registry's program stands, or is to stand."""
    installed = shutil.which(PROGRAM)
    return Path(installed) if installed else Path(sys.prefix) / "bin" / PROGRAM


def ensure_program() -> None:
    """Unpack the program from Debian's or Ubuntu's package unless it is there."""
    if program().exists():
        return
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Missing(
            f"The tests of pulling need the program `{PROGRAM}` (github.com/distribution/distribution) on PATH.\n"
            "On Debian and Ubuntu this script gets it from the distribution's package; here, install it by hand."
        )
    say(f"Unpacking {PROGRAM} for the tests of pulling")
    with tempfile.TemporaryDirectory() as directory:
        # Downloading needs no root; updating the package lists does, and is only done where there are none.
        fetch = ["apt-get", "download", "-q", PROGRAM]
        if subprocess.run(fetch, cwd=directory, capture_output=True).returncode:
            run("apt-get", "update", "-q")
            run("sh", "-c", 'cd "$0" && exec "$@"', directory, *fetch)
        (package,) = Path(directory).glob("*.deb")
        run("dpkg-deb", "-x", str(package), f"{directory}/tree")
        shutil.copy2(Path(directory) / "tree/usr/bin" / PROGRAM, program())


def main() -> int:
    """Make sure of the program; return the exit code."""
    try:
        ensure_program()
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
