"""The whole page, each of its views, on a run that is as bad as runs get: 20 endpoints, and text of all kinds.

Pictures of each are in ``build/page``, to be looked at.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.page.runs import command_line, up, written
from tests.page.watching import THEMES, WIDTHS, overflow, watching
from tests.session.edited import endpoint
from tests.waiting import wait_for
from vhlocal.api.page_app import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.command import Running

PICTURES = Path(__file__).parent.parent.parent / "build" / "page"

#: Where a view is examined by axe: the colours are the same at each width, and what there is in each theme.
EXAMINED = {("light", 360), ("light", 1440), ("dark", 1440)}

#: What each view shows once it has read what there is.
SHOWN = {
    "overview": "vh-overview .endpoint >> nth=19",
    "try": "vh-try button:text-is('Send')",
    "requests": "vh-requests :text('503') >> nth=0",
    "logs": "vh-logs .line >> nth=99",
    "metrics": "vh-metrics svg >> nth=1",
    "reloads": "vh-reloads :text('ValueError') >> nth=0",
}

#: Runs where it is not text, and is told from other text by the attribute alone.
MARKUP = "</script><img src=x onerror='window.hit = 1'><script>window.hit = 1</script>"
LONG_NAME = "n" * 200
LINES = (
    MARKUP,
    f"\x1b]8;;javascript:window.hit=1\x07link\x1b]8;;\x07 \x1b[31mred\x1b[0m \x1b[2J \u202e{MARKUP}",
    "x" * 2000,
    json.dumps({"vh_metadata": {MARKUP: 1, LONG_NAME: 2.5, "loss": 0.25, "word": MARKUP}}),
    json.dumps({"vh_metadata": {"loss": "0.125"}}),
    '{"vh_metadata": {"loss": broken',
    "ünïcödé 🐍 and nothing else",
)

SERVER = f"""\
import http.server, json, os

LINES = {LINES!r}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path.endswith("/say"):
            for line in LINES:
                print(line, flush=True)
        body = {MARKUP!r}.encode()
        self.send_response(503 if "/fails" in self.path else 200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Markup", {MARKUP!r})
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *said):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""

NAMES = ("web", "digits", *(f"model-{number:02}" for number in range(3, 21)))
FILES = {
    "valohai.yaml": "".join(endpoint(name, "server-command: python server.py") for name in NAMES),
    "vhlocal.yaml": f"owner: acme\nproject: {LONG_NAME}\naliases: [production, {'a' * 200}]\nreplicas:\n  digits: 2\n",
    "server.py": SERVER,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory, environments, tools):
    """A run of which there is much to be told in each view."""
    place = tmp_path_factory.mktemp("whole")
    vhlocal = command_line(place, environments, tools)
    directory = written(place / "project", FILES)
    with up(vhlocal, directory, "--no-doctor") as started:
        session = requests.Session()
        for name in NAMES:
            session.get(f"{started.url(name)}say", timeout=60)
            session.post(f"{started.url(name)}{LONG_NAME}/fails?{MARKUP}", json={"x": MARKUP}, timeout=60)
        # One save: a file with a name like that, and code that does not start.
        (directory / f"{MARKUP.replace('/', '|')}.py").write_text("")
        (directory / "server.py").write_text(f"raise ValueError({MARKUP!r})\n")
        wait_for(lambda: all(each["broken"] for each in started.endpoints().values()), "the save to be told as broken")
        yield started


@contextlib.contextmanager
def shown(browser: Browser, run: Running, view: str, **context: Any) -> Iterator[Page]:
    """Show a view, with the network away but for this machine."""
    with watching(browser, run, view, alone=True, **context) as page:
        page.wait_for_selector(SHOWN[view])
        yield page


def test_each_view_is_looked_at():
    assert list(SHOWN) == list(VIEWS)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("view", SHOWN)
def test_a_view_fits_and_is_for_all(chromium, run, view, theme):
    """Each width and theme, without a fault of the console, a request to elsewhere, or a violation of WCAG's."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - see tests/browser.py

    with shown(chromium, run, view, color_scheme=theme) as page:
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_selector(SHOWN[view])
            assert overflow(page) <= 0, width
            page.screenshot(path=PICTURES / f"{view}-{theme}-{width}.png")
            if (theme, width) not in EXAMINED:
                continue
            found = Axe().run(page).response["violations"]
            bad = [each for each in found if each["impact"] in ("serious", "critical")]
            assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in bad] == [], width
        assert page.evaluate("window.hit") is None
        assert page.locator("img[src='x'], main script").count() == 0


#: What a person can do something with, and can see.
_ACTIONS = """() => [...document.querySelectorAll(
    'a[href], button, input, select, textarea, summary, [contenteditable], [tabindex="0"], [role="button"]'
)].filter((node) => !node.disabled && node.checkVisibility({ visibilityProperty: true }) && !node.closest('[inert]'))"""

_REACHED = f"""() => {{
    return ({_ACTIONS})().filter((node) => !reached.has(node) && node.type !== 'radio').map((node) => node.outerHTML);
}}"""

_FOLLOW = """() => {
    window.reached = new Set();
    window.unseen = [];
    addEventListener('focusin', ({ target }) => {
        reached.add(target);
        const style = getComputedStyle(target);
        const box = target.getBoundingClientRect();
        const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
        const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
        if (!(outlined || style.boxShadow !== 'none') || !inside || !box.width) unseen.push(target.outerHTML);
    });
}"""


@pytest.mark.parametrize("view", SHOWN)
def test_the_keyboard_alone_reaches_each_action_and_one_sees_where_one_is(chromium, run, view):
    with shown(chromium, run, view, viewport={"width": 1440, "height": 900}) as page:
        page.evaluate(_FOLLOW)
        page.locator("#skip").focus()
        # What comes while one is on the way is reached the next time round.
        for _ in range(3):
            page.keyboard.press("Tab")
            while page.evaluate("document.activeElement !== document.body"):
                page.keyboard.press("Tab")
            if not page.evaluate(_REACHED):
                break
        assert page.evaluate("reached.size") > 10
        assert page.evaluate(_REACHED) == []
        assert page.evaluate("window.unseen") == []


def test_nothing_moves_for_who_wants_nothing_to(chromium, run):
    with watching(chromium, run, "overview", reduced_motion="reduce") as page:
        for view, there in SHOWN.items():
            page.evaluate("view => { location.hash = `#/${view}`; }", view)
            page.wait_for_selector(there)
            moving = page.evaluate(
                """() => [...document.querySelectorAll('*')].filter((node) => ['', '::before'].some((part) => {
                    const style = getComputedStyle(node, part || null);
                    const times = `${style.transitionDuration},${style.animationDuration}`.split(',').map(parseFloat);
                    return Math.max(...times) > 0.01 || style.scrollBehavior === 'smooth';
                })).map((node) => node.outerHTML.slice(0, 200))"""
            )
            assert moving == [], view
