"""The run's page in a real browser, beside 1,000 requests and 5,000 log lines a second.

``python -m benchmarks.page [--quick]``

First paint and all that it loads; then, under that load, what a person waits for who types and clicks in each view
(event timing of real keys and clicks), what the page's memory comes to in a minute, and how many of the requests that
are due the run answers with a page open, beside how many it answers without one. What ``wrk`` is answered at most is
printed and no goal: the browser, ``wrk`` and the run share the processors.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

from benchmarks.peers import loads
from benchmarks.report import Goal, UnmeasuredError, conclude, print_table
from benchmarks.starting import free_port, get
from vhlocal.exchanges import Request
from vhlocal.load.figures import Step
from vhlocal.load.generate import Generator, wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser, CDPSession, Page

_REQUESTS, _LINES = 1000.0, 5000
_VIEWS = ("overview", "requests", "logs", "metrics", "reloads", "try")
#: Those that draw what comes, and how a filter is called there in which one can type.
_BUSY = ("requests", "logs")
_CONNECTIONS = 16
_PATH = "/bench/bench/local/v/model"
_YAML = "- endpoint:\n    name: model\n    image: python:3.11-slim\n    wsgi: server:app\n"
_SERVER = f"""\
import sys, threading, time

def talk():
    due, number = time.monotonic(), 0
    while True:
        lines = [f"line {{number + step:09}} of a model that tells all that it does" for step in range(100)]
        sys.stdout.write("\\n".join(lines) + "\\n")
        sys.stdout.flush()
        number += 100
        due += 100 / {_LINES}
        time.sleep(max(0, due - time.monotonic()))

def app(environ, start_response):
    if environ["PATH_INFO"].endswith("/talk"):
        threading.Thread(target=talk, daemon=True).start()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b'{{"class": 7}}']
"""

Samples = dict[str, list[float]]


class _Served(NamedTuple):
    """The gateway's port, the link to the page, and the run's process."""

    port: int
    link: str
    run: psutil.Process


#: Notes what each input waited for: until it was heard, and until what came of it was painted.
_OBSERVE = """() => {
    window.inputs = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
            if (entry.interactionId) inputs.push([entry.processingStart - entry.startTime, entry.duration]);
        }
    }).observe({ type: 'event', durationThreshold: 16, buffered: false });
}"""

_SIZES = """() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .filter((entry) => !entry.name.includes('/api/')).map((entry) => entry.encodedBodySize)"""


def measure() -> Sequence[Goal]:
    """Measure everything and return the goals."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - one of the development's

    quick = "--quick" in sys.argv
    chromium = shutil.which("chromium-headless-shell")
    if chromium is None:
        raise UnmeasuredError("Chromium is not installed (Debian: chromium-headless-shell)")
    with _run() as served, sync_playwright() as playwright:
        port, link, _ = served
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        goals = [*_first(browser, link, 5 if quick else 15)]
        get(port, f"{_PATH}/talk")
        goals += _usable(browser, port, link, 10 if quick else 60)
        goals += _throughput(browser, served, *((3, 3) if quick else (9, 5)))
        browser.close()
        return goals


@contextlib.contextmanager
def _run() -> Iterator[_Served]:
    """Serve a small model by processes."""
    with tempfile.TemporaryDirectory() as place:
        project = Path(place, "project")
        project.mkdir()
        project.joinpath("valohai.yaml").write_text(_YAML)
        project.joinpath("server.py").write_text(_SERVER)
        environment = {**os.environ, "XDG_STATE_HOME": str(Path(place, "state"))}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        port = free_port()
        names = ("--owner", "bench", "--project", "bench", "--version-name", "v", "--no-doctor")
        command = (sys.executable, "-m", "vhlocal")
        options = ("--port", str(port), "--runtime", "process", *names)
        run = subprocess.Popen(
            [*command, "up", "-C", str(project), *options], stdout=subprocess.DEVNULL, env=environment
        )
        try:
            deadline = time.monotonic() + 300
            while get(port, _PATH) != http.client.OK:
                if run.poll() is not None or time.monotonic() > deadline:
                    raise UnmeasuredError("the run did not come up")
                time.sleep(0.05)
            said = subprocess.run(
                [*command, "ps", "--link", "-C", str(project)], env=environment, stdout=subprocess.PIPE, check=True
            )
            yield _Served(port, said.stdout.decode().strip(), psutil.Process(run.pid))
        finally:
            run.terminate()
            run.wait()


@contextlib.contextmanager
def _opened(browser: Browser, link: str, view: str) -> Iterator[Page]:
    with contextlib.closing(browser.new_context(viewport={"width": 1440, "height": 900})) as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(link)
        page.wait_for_selector("#connection.good")
        page.evaluate("view => { location.hash = `#/${view}`; }", view)
        page.wait_for_selector(f"vh-{view}")
        yield page


def _first(browser: Browser, link: str, rounds: int) -> Iterator[Goal]:
    paints: list[float] = []
    for _ in range(rounds):
        with _opened(browser, link, "overview") as page:
            paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    print_table("first paint of a new tab, on loopback", "ms", {"page": paints})
    with _opened(browser, link, "overview") as page:
        for view in _VIEWS:
            page.evaluate("view => { location.hash = `#/${view}`; }", view)
            page.wait_for_selector(f"vh-{view}")
        sizes = page.evaluate(_SIZES)
    yield Goal("first paint, ms", statistics.median(paints), "<=", 300)
    yield Goal("all that it loads in all views, KB", sum(sizes) / 1000, "<=", 150)


def _usable(browser: Browser, port: int, link: str, seconds: int) -> Iterator[Goal]:
    """Use each busy view for so many seconds, beside the load."""
    heard: Samples = {}
    painted: Samples = {}
    heaps: Samples = {}
    with _load(port):
        for view in _BUSY:
            with _opened(browser, link, view) as page:
                page.wait_for_timeout(seconds * 1000)  # what a view keeps of the past is full by then
                page.evaluate(_OBSERVE)
                heaps[view] = list(_used(page, view, seconds))
                if len(heaps[view]) < 2:
                    raise UnmeasuredError(
                        f"this machine is too busy: {view} could be used less than twice in {seconds} s"
                    )
                inputs = page.evaluate("window.inputs")
                if len(inputs) < seconds:
                    inputs = [*inputs, [0.0, 16.0]]  # those below 16 ms are told of by no browser
                heard[view] = [wait for wait, _ in inputs]
                painted[view] = [wait for _, wait in inputs]
    print_table("an input is heard after", "ms", heard)
    print_table("and what comes of it is seen after", "ms", painted)
    print_table("memory of the page's scripts, by the second", "MB", heaps)
    for view in _BUSY:
        yield Goal(f"{view}: input heard after, ms, worst", max(heard[view]), "<=", 200)
        yield Goal(f"{view}: input seen after, ms, 98 of 100", _share(painted[view], 0.98), "<=", 200)
        half = len(heaps[view]) // 2
        growth = max(heaps[view][half:]) / max(heaps[view][:half])
        yield Goal(f"{view}: memory, second half/first half", growth, "<=", 1.25)
        yield Goal(f"{view}: memory, MB", max(heaps[view]), "<=", 64)


def _used(page: Page, view: str, seconds: int) -> Iterator[float]:
    """Type and click, once and again; yield the page's memory after each second, without what nobody needs."""
    devtools = page.context.new_cdp_session(page)
    field = page.locator(f"vh-{view} input[type=search], vh-{view} input:not([type])").first
    box = page.locator("#theme").bounding_box()
    if box is None:
        raise UnmeasuredError("the page has no button to click")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        field.focus()
        page.keyboard.type("2", delay=100)
        page.keyboard.press("Backspace")
        for _ in range(3):
            page.mouse.click(box["x"] + 5, box["y"] + 5)
            page.wait_for_timeout(100)
        page.mouse.move(700, 500)
        page.mouse.wheel(0, -600)
        page.mouse.wheel(0, 1200)
        page.wait_for_timeout(300)
        yield _heap(devtools)


def _heap(devtools: CDPSession) -> float:
    devtools.send("HeapProfiler.collectGarbage")
    return float(devtools.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


def _throughput(browser: Browser, served: _Served, rounds: int, seconds: int) -> Iterator[Goal]:
    """Alternate between a run whose page is open and one whose page is not."""
    port, link, run = served
    due: Samples = {"no page": [], "a page": []}
    most: Samples = {"no page": [], "a page": []}
    cost: Samples = {"no page": [], "a page": []}
    for _ in range(rounds):
        for name in due:
            with contextlib.ExitStack() as stack:
                if name == "a page":
                    stack.enter_context(_opened(browser, link, "requests"))
                    time.sleep(1)
                before, began = run.cpu_times(), time.monotonic()
                due[name].append(_kept_up(port, seconds))
                after, took = run.cpu_times(), time.monotonic() - began
                cost[name].append((after.user + after.system - before.user - before.system) * 1e3 / took)
                most[name].append(loads.small(port, f"{_PATH}/", _CONNECTIONS, seconds).per_second)
    print_table(f"answered of {_REQUESTS:.0f} that are due", "requests/s", due)
    print_table(f"answered, wrk at {_CONNECTIONS} connections", "requests/s", most)
    print_table("processor time of the run itself while they are due", "ms/s", cost)
    pairs = zip(due["a page"], due["no page"], strict=True)
    yield Goal("requests/s, with/without a page", statistics.median(one / other for one, other in pairs), ">=", 0.9)


def _kept_up(port: int, seconds: float) -> float:
    began = time.perf_counter()
    with Generator("127.0.0.1", port, wire(Request("GET", f"{_PATH}/"), "127.0.0.1", port)) as generator:
        window = generator.run(Step(_REQUESTS, seconds))
    return (window.asked - window.failed) / (time.perf_counter() - began)


@contextlib.contextmanager
def _load(port: int) -> Iterator[None]:
    """Have the requests sent until the block is left, by a process of their own."""
    asking = "import sys\nfrom benchmarks.page import ask\nask(int(sys.argv[1]))"
    process = subprocess.Popen([sys.executable, "-c", asking, str(port)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def ask(port: int) -> None:
    """Send the requests that are due, without an end."""
    while True:
        _kept_up(port, 1.0)


def _share(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


if __name__ == "__main__":
    conclude(measure)
