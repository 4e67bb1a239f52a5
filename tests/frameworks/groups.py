"""Every group of cases, and the third of them that a commit tries."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from tests.frameworks import cases, others

#: By what they share an environment with: what it installs, and its cases, those without a finding sound.
GROUPS = {**cases.CASES, **others.CASES}

_PARTS = 3


def groups_of(commit: str) -> tuple[str, ...]:
    """Return the third of the groups that a commit tries: of three thirds, each is as likely as the others."""
    part = int(hashlib.sha256(commit.encode()).hexdigest(), 16) % _PARTS
    return tuple(GROUPS)[part::_PARTS]


def head() -> str:
    """Return the commit that is checked out, "" where there is no repository."""
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
