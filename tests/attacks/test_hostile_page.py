"""Hostile pages in a real browser: of other origins, under a name that was made to lead here, and of an endpoint.

``page.js`` is what each tries at the gateway, ``at_the_page.js`` what an endpoint's tries at the run's own page.
The word that a run tells of everywhere is its endpoint's name.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.session.edited import endpoint
from tests.waiting import wait_for
from vhlocal.api.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Iterator


def script(name: str) -> str:
    """Return what a page runs: what all tries share, around one file's own."""
    shared, own = (Path(__file__).with_name(each).read_text() for each in ("tries.js", name))
    return f"async (given) => {{\n{shared}\nreturn await ({own})(given);\n}}"


TRIES, TRIES_AT_THE_PAGE = script("page.js"), script("at_the_page.js")

#: The endpoint's name, which is in all that a run tells; and what ending it by a page would be answered.
NAME, ENDED = "walrus", "stopping"

SERVER = """\
import http.server, json, os

NOTING = '''
const seen = [];
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  seen.push(event.request.url);
  if (event.request.url.endsWith("/seen")) event.respondWith(new Response(JSON.stringify(seen)));
});
'''


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print("walrus", self.path, flush=True)
        body = json.dumps(dict(self.headers)) if self.path.endswith("/headers") else "<body>a page</body>"
        if self.path.endswith("/worker.js"):
            body = "onfetch = event => event.respondWith(new Response('taken over'))"
        if self.path.endswith("/noting.js"):
            body = NOTING
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/html")
        self.send_header("Service-Worker-Allowed", "/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    do_HEAD = do_GET


http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""


@dataclass
class Served:
    """A run: its origin, the path of its endpoint, the key to look, the token, where its requests are written,
    and the link to its own page.
    """

    origin: str
    path: str
    key: str
    token: str
    log: Path
    page: str
    _read: int = 0

    def at(self, host: str) -> str:
        """Its origin under another name."""
        return f"http://{host}:{self.origin.rpartition(':')[2]}"

    def answered(self) -> Counter[tuple[str, str, int]]:
        """Return the requests that the run has answered since this was asked last: method, path, status."""
        last = f"/the-last-{self._read}"
        requests.get(f"{self.origin}{last}", timeout=60)
        wait_for(lambda: last in self.log.read_text(), "all requests to be written")
        records = [json.loads(line) for line in self.log.read_text().splitlines()]
        new, self._read = records[self._read :], len(records)
        found = Counter((record["method"], record["target"], record["status"]) for record in new)
        del found["GET", last, 404]
        return found


@pytest.fixture
def served(project, running, vhlocal):
    vhlocal.environment["VHLOCAL_RUNTIME"] = "process"
    directory = project({"valohai.yaml": endpoint(NAME, "server-command: python server.py"), "server.py": SERVER})
    log = directory.parent / "requests.log"
    with running(directory, "--access-log", str(log)) as run:
        record = vhlocal.record(directory)
        origin, path = run.base_url, run.url(NAME).removeprefix(run.base_url)
        guard = Guard(record.token, int(origin.rpartition(":")[2]), open_to_network=False)
        page = run.vhlocal("ps", "--link", "-C", str(directory)).stdout.strip()
        yield Served(origin, path, guard.read_key, record.token, log, page)
        assert run.endpoints()[NAME]["state"] == "ready", "the run goes on"


@contextlib.contextmanager
def stranger() -> Iterator[int]:
    """Serve an empty page at a port of its own, whatever is asked for and by whatever name."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            if self.path == "/sandboxed":
                self.send_header("Content-Security-Policy", "sandbox allow-scripts allow-forms allow-popups")
            self.end_headers()
            self.wfile.write(b"<body>a page</body>")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def tried(
    browser, url: str, root: str, served: Served, refusals: int = 0
) -> tuple[dict[str, str], Counter[tuple[str, str, int]]]:
    """Have a page try all, in a browser whose user may look at the run; what it got, and what the run answered.

    Of what the page does not wait for itself, such as frames, so many ``refusals`` at least are waited for.
    """
    answered: Counter[tuple[str, str, int]] = Counter()

    def enough() -> bool:
        answered.update(served.answered())
        return sum(count for each, count in answered.items() if each[2] in (401, 403)) >= refusals

    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(f"{served.origin}/?key={served.key}")
        page.wait_for_selector(f"text={NAME}")
        page.goto(url)
        served.answered()
        got = page.evaluate(TRIES, root)
        assert len(got) > 100
        assert "silence" not in got.values(), got
        wait_for(enough, f"{refusals} refusals")
    finally:
        context.close()
    return got, answered + served.answered()


def test_a_page_of_another_origin_sees_nothing_and_ends_nothing(chromium, served):
    with stranger() as port:
        # Browsers go where a link leads, whoever's it is; what they are shown there no other page can read.
        gone_to = {("GET", "/", 200), ("GET", "/api/endpoints", 200)}
        places = [
            (f"http://127.0.0.1:{port}/", served.origin, gone_to),  # the same site, whose cookies travel
            (f"http://localhost:{port}/", served.origin, gone_to),
            (f"http://evil.test:{port}/", served.origin, gone_to),
            (f"http://127.0.0.1:{port}/sandboxed", served.origin, gone_to),  # of an origin that is null
            # DNS rebinding: the page's own origin by now leads here.
            (served.at("rebound.test") + served.path, served.at("rebound.test"), set()),
        ]
        for url, root, allowed in places:
            # That they get through to the run is told by what it has answered.
            got, answered = tried(chromium, url, root, served, refusals=51)
            for name, text in got.items():
                assert not any(word in text for word in (NAME, ENDED, served.key, served.token)), (url, name, text)
                if name.startswith(("socket ", "events ", "include ")):
                    assert text == "refused", (url, name, text)
            refused = {each: count for each, count in answered.items() if each[2] in (401, 403)}
            assert sum(refused.values()) > 50, (url, got, answered)
            assert refused["POST", "/api/down", 401] >= 8, (url, answered)
            assert answered.keys() - refused.keys() - {("GET", "/favicon.ico", 204)} <= allowed, (url, answered)
            assert answered["GET", "/api/endpoints", 200] <= 1, "the frame alone, which shows nothing"


def test_a_page_of_an_endpoint_may_look_and_has_neither_key_nor_token(chromium, served):
    got, answered = tried(chromium, served.origin + served.path, served.origin, served)
    for name, text in got.items():
        assert not any(word in text for word in (ENDED, served.key, served.token)), (name, text)
        if name.startswith("look ") and " no-cors" not in name:
            assert text.startswith("200 "), (name, text)
        if name.startswith(("socket ", "events ", "frame ")):
            assert text in ("refused", "closed"), (name, text)
    for path in ("/", "/api/endpoints", "/api/requests?tail=9", "/metrics"):
        assert NAME in got[f"look {path} same-origin include"], "the tries are such as would see it"
    assert NAME in got["window"]
    assert {status for method, _, status in answered if method not in ("GET", "HEAD")} == {401}


def test_the_key_is_in_no_address_that_a_page_is_left_for(chromium, served):
    """It was in the link that the user opened; what the apps see of it is the cookie alone (docs/security.md)."""
    context = chromium.new_context()
    try:
        page = context.new_page()
        page.goto(f"{served.origin}/?key={served.key}")
        assert page.url == f"{served.origin}/"
        page.evaluate("url => location.assign(url)", f"{served.origin}{served.path}headers")
        page.wait_for_url("**/headers")
        headers = json.loads(page.inner_text("body"))
        assert "Referer" not in headers
        assert [name for name, value in headers.items() if served.key in value] == ["Cookie"]
        assert page.evaluate("document.referrer + document.cookie") == ""
    finally:
        context.close()


REGISTER = """async ([script, scope]) => {
  try {
    const found = await navigator.serviceWorker.register(script, { scope });
    for (const worker = found.installing ?? found.active; worker.state !== "activated"; )
      await new Promise((done) => { worker.onstatechange = done; setTimeout(done, 1000); });
    return "registered";
  } catch (error) {
    return error.name;
  }
}"""


def test_a_service_worker_of_an_endpoint_answers_for_nothing_but_that(chromium, served):
    """Browsers keep workers: one for all of the origin would answer for other projects' runs too."""
    context = chromium.new_context()
    try:
        page = context.new_page()
        page.goto(f"{served.origin}{served.path}")
        script = f"{served.path}worker.js"
        above = ["/", "/api/", served.path.rpartition("/dev/")[0] + "/", served.path[:-1]]
        assert {scope: page.evaluate(REGISTER, [script, scope]) for scope in above} == dict.fromkeys(
            above, "SecurityError"
        )
        assert page.evaluate(REGISTER, [script, served.path]) == "registered"
        page.goto(f"{served.origin}{served.path}")
        assert "taken over" in page.content(), "its own pages are its own, so that the tries are such as would do it"
        for path in (f"/?key={served.key}", "/api/endpoints", "/metrics"):
            page.goto(served.origin + path)
            assert "taken over" not in page.content()
            assert NAME in page.content()
    finally:
        context.close()


@contextlib.contextmanager
def at_the_page(browser, served: Served) -> Iterator[tuple[Any, Any]]:
    """Open the run's own page, with its key, in a browser's context of its own; yield both."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(served.page)
        page.wait_for_selector("#connection.good")
        yield context, page
    finally:
        context.close()


def test_an_app_gets_nowhere_at_the_runs_own_page(chromium, served):
    """The page is open beside it, in the same browser, and goes on as if nothing were."""
    origin, _, key = served.page.partition("/#key=")
    with at_the_page(chromium, served) as (context, page):
        assert page.evaluate("sessionStorage.getItem('vhlocal-key')") == key, "what is to be got is there"
        answers: Counter[tuple[str, int]] = Counter()
        with_key: set[str] = set()

        def answered(answer):
            # The windows that the app opens are pages of this origin, which get the key of each other and look.
            if answer.request.headers.get("authorization") == f"Bearer {key}":
                with_key.add(answer.request.method)
            elif "/api/" in answer.url and answer.url.startswith(origin):
                answers[answer.request.method, answer.status] += 1

        context.on("response", answered)
        app = context.new_page()
        app.goto(served.origin + served.path)
        got = app.evaluate(TRIES_AT_THE_PAGE, [origin, f"http://rebound.test:{origin.rpartition(':')[2]}"])
        assert len(got) > 200
        for name, text in got.items():
            assert not any(word in text for word in (ENDED, key, served.key, served.token, "silence")), (name, text)
            if not name.startswith(("storage", "entries", "history", "navigation", "service worker")):
                assert NAME not in text, (name, text)
            if name.startswith(("look ", "change ", "guess ")) and name != "change beacon":
                assert text in ("opaque", "closed", "refused") or text.startswith("error: TypeError"), (name, text)
            if name.startswith(("frame ", "socket ", "events ", "include ")) and name != "frame of a frame":
                assert text in ("closed", "refused"), (name, text)
            if name.startswith("window ") and text not in ("closed", "said"):
                assert text.startswith("error: ") or text in ("true", "undefined"), (name, text)
        assert (got["opener"], got["parent"], got["referrer"], got["heard"]) == ("none", "none", "", "[]")
        assert with_key == {"GET"}
        # A link leads to it, without the key; all else is foreign.
        assert {status for _, status in answers} == {401, 403}, answers
        assert answers["POST", 403] >= 3, answers

        # A worker of the app's notes all that it sees by now, and sees nothing of the page's.
        assert got["service worker"] == f"controls {served.origin}{served.path}"
        page.reload()
        page.wait_for_selector("#connection.good")
        assert page.evaluate("navigator.serviceWorker.controller") is None
        app.reload()
        seen = app.evaluate("fetch('seen').then((answer) => answer.json())")
        assert any(url.startswith(served.origin) for url in seen)
        assert not any(origin in url or key in url for url in seen)
        assert page.evaluate("sessionStorage.getItem('vhlocal-key')") == key
        page.wait_for_selector(f"text={NAME}")
        # The window that was opened with a key made up is there still, and gives it to nobody.
        another = context.new_page()
        another.goto(f"{origin}/")
        another.wait_for_selector("#connection.good")


def test_an_app_that_is_opened_from_the_page_learns_nothing_of_it(chromium, served):
    """Neither who opened it, nor where from, nor what was in the address before."""
    origin, _, key = served.page.partition("/#key=")
    with at_the_page(chromium, served) as (context, page):
        assert key not in page.url
        link = page.locator(f"a[href^='{served.origin}']").first
        with context.expect_page() as opening:
            link.click()
        app = opening.value
        app.wait_for_load_state()
        told = "JSON.stringify([opener === null, document.referrer, window.name, performance.getEntries()])"
        assert json.loads(app.evaluate(told))[:2] == [True, ""]
        assert key not in app.evaluate(told)
        assert origin not in app.evaluate(told)
        # And in the same tab, as by a link that somebody types over the page.
        page.goto(f"{served.origin}{served.path}headers")
        headers = json.loads(page.inner_text("body"))
        assert "Referer" not in headers
        assert not any(key in value for value in headers.values())
        assert page.evaluate("[document.referrer, document.cookie, sessionStorage.length]") == ["", "", 0]
