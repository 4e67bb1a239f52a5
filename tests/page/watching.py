"""The page of a run in a real browser, and all that is not to happen there."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.waiting import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.command import Running

#: Widths in pixels that the page is made for, and the colours that people have.
WIDTHS, THEMES = (360, 768, 1440), ("light", "dark")


@functools.cache  # a run's page stays where it is, and a command takes a third of a second
def link(run: Running) -> str:
    """Return where the run's page is, with the key to it."""
    return run.vhlocal("ps", "--link", "-C", str(run.directory)).stdout.strip()


@contextlib.contextmanager
def watching(browser: Browser, run: Running, view: str, *, alone: bool = False, **context: Any) -> Iterator[Page]:
    """Show a view, such as ``logs?endpoint=web``. What the page does that it is not to do fails at the end.

    ``alone`` has the network away but for this machine.
    """
    address = link(run)
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(address))
    faults: list[str] = []
    opened = browser.new_context(**context)
    opened.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin)
    if alone:
        opened.route(lambda url: urlsplit(url).hostname != "127.0.0.1", lambda route: route.abort())
    page = opened.new_page()
    page.set_default_timeout(LONG * 1000)
    page.on("console", lambda said: faults.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.on("dialog", lambda dialog: dialog.dismiss())
    page.on(
        "request",
        lambda asked: None if asked.url.removeprefix("blob:").startswith(origin) else faults.append(asked.url),
    )
    page.goto(address)
    page.wait_for_selector("#connection.good")
    page.evaluate("view => { location.hash = `#/${view}`; }", view)
    page.wait_for_selector(f"vh-{view.partition('?')[0]}")
    yield page
    opened.close()
    assert faults == [], faults


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
