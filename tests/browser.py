"""Debian's Chromium, driven by Playwright: one for each test file that asks for it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.waiting import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

#: As root, and with names that lead to this machine, as a hostile name server would have it.
_FLAGS = ("--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP *.test 127.0.0.1")

#: Runs the program that it is given where no network of this machine is heard of.
_UNAWARE = Path(__file__).with_name("unaware.py")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser; a file has one, since Playwright keeps its thread from other event loops as long as it is there."""
    # Not at the top: only the Python of development has it, and the others collect the files that ask for it too.
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    path = shutil.which("chromium-headless-shell")
    assert path is not None, "this test needs Chromium, which scripts/setup installs"
    with sync_playwright() as playwright:
        start = tmp_path_factory.mktemp("browser") / "chromium"
        start.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {_UNAWARE} {path} "$@"\n')
        start.chmod(0o755)
        browser = playwright.chromium.launch(executable_path=start, args=_FLAGS, timeout=LONG * 1000)
        yield browser
        browser.close()
