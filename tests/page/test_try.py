"""The view *Try it* in a real browser, on a real run: everything that can be sent, and every way to be answered."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests

from tests.answering import FILES
from tests.page.runs import command_line, up, written
from tests.page.watching import link, overflow
from tests.session.edited import endpoint
from tests.waiting import LONG, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.command import Running, Vhlocal

MEBIBYTE = 1024 * 1024
LARGE = 200


@pytest.fixture(scope="module")
def own_vhlocal(tmp_path_factory, environments, tools) -> Vhlocal:
    return command_line(tmp_path_factory.mktemp("try"), environments, tools)


@pytest.fixture(scope="module")
def run(own_vhlocal, tmp_path_factory) -> Iterator[Running]:
    with up(own_vhlocal, written(tmp_path_factory.mktemp("run") / "project", FILES)) as started:
        yield started


class Try:
    """The view, as its user sees it."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def choose(self, label: str, option: str) -> None:
        self.page.get_by_role("combobox", name=label, exact=True).select_option(option)

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def to(self, path: str, method: str = "GET") -> Try:
        self.choose("Method", method)
        self.fill("Path below the endpoint, and query", path)
        return self

    def body(self, kind: str) -> None:
        self.page.locator("vh-try .body-part .segments label", has_text=re.compile(f"^{kind}$")).click()

    def until(self, expression: str) -> None:
        """Wait until an expression is true; Playwright's own way would evaluate it within the page's policy."""
        wait_for(lambda: self.page.evaluate(expression), expression)

    def begin(self) -> None:
        self.page.get_by_role("button", name="Send", exact=True).click()

    def send(self) -> str:
        """Send, and return the answer's facts, in one line, once all of it is there."""
        self.begin()
        return self.ended()

    def ended(self) -> str:
        self.page.wait_for_selector('vh-try .answering[aria-busy="false"]', timeout=120_000)
        return " ".join(self.page.inner_text("vh-try .facts").split())

    def heard(self) -> dict[str, Any]:
        """Send, and return what the app says that it was sent."""
        assert self.send().startswith("200 OK"), self.page.inner_text("vh-try .answering")
        self.show("Text")
        return json.loads(self.page.text_content("vh-try .answer-body pre"))

    def show(self, form: str) -> None:
        self.page.get_by_role("group", name="Show the body as").get_by_role("button", name=form).click()

    def said(self) -> str:
        return self.page.inner_text("vh-try .answer-body .said")

    def route(self, beginning: str) -> None:
        self.page.wait_for_selector("#try-route option:nth-child(2)", state="attached")
        options = self.page.locator("#try-route option").all_text_contents()
        self.choose("Route, from the app's own schema", next(each for each in options if each.startswith(beginning)))

    def copied(self, form: str) -> str:
        """Copy the request in one of its forms, and return what is in the clipboard then."""
        self.page.evaluate("navigator.clipboard.writeText('nothing yet')")
        self.page.locator("vh-try .copies button", has_text=re.compile(f"^{re.escape(form)}$")).click()
        read = "navigator.clipboard.readText()"
        wait_for(lambda: self.page.evaluate(read) != "nothing yet", "the clipboard to be written")
        return self.page.evaluate(read)


def opened(context: Any, run: Running, route: str = "try") -> Any:
    """Open the page's view in a new tab; what is said in its console, or asked of another host, fails the test."""
    address = link(run)
    page = context.new_page()
    page.set_default_timeout(LONG * 1000)
    page.problems = []
    page.on("console", lambda said: said.type == "error" and page.problems.append(said.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on(
        "request",
        lambda asked: asked.url.startswith((address.partition("#")[0], "blob:")) or page.problems.append(asked.url),
    )
    page.goto(address)
    page.wait_for_selector("#connection.good", timeout=60_000)
    page.evaluate("route => { location.hash = `#/${route}` }", route)
    page.wait_for_selector("vh-try .where .pill.good", timeout=60_000)
    return page


@pytest.fixture
def context(chromium):
    made = chromium.new_context(permissions=["clipboard-read", "clipboard-write"])
    yield made
    made.close()


@pytest.fixture
def view(context, run) -> Iterator[Try]:
    page = opened(context, run)
    yield Try(page)
    assert page.problems == []


def test_k8_what_is_filled_in_is_what_is_sent(view, run, tmp_path):
    view.choose("Version or alias", "dev")
    view.choose("Endpoint", "more")
    view.page.click("vh-try summary:has-text('Query')")
    view.fill("Query parameter 1: name", "a b")
    view.fill("Query parameter 1: value", "é&=")
    view.page.click("vh-try summary:has-text('Headers')")
    view.fill("Header 1: name", "X-Extra")
    view.fill("Header 1: value", "é; <b>")
    view.fill("Header 2: name", "User-Agent")
    view.fill("Header 2: value", "mine")
    got = view.to("a%2Fb//c;d/é {x}?y=%20'", "DELETE").heard()
    assert (got["method"], got["path"]) == ("DELETE", "/a%2Fb//c;d/%C3%A9%20%7Bx%7D")
    assert got["query"] == "y=%20%27&a%20b=%C3%A9%26%3D"
    headers = got["headers"]
    assert headers["x-vh-prefix"] == run.url("more", "dev").removeprefix(run.base_url)
    assert headers["x-extra"].encode("latin-1").decode() == "é; <b>"
    assert headers["user-agent"] == "mine"
    own = {"authorization", "cookie", "origin", "referer", "x-vhlocal-headers", "sec-fetch-site", "content-type"}
    assert own & headers.keys() == set(), "nothing of the page's own request"

    view.body("JSON")
    view.fill("JSON body", '{"a": "é"}')
    got = view.to("/", "POST").heard()
    assert got["headers"]["content-type"] == "application/json"
    assert got["body"].encode("latin-1").decode() == '{"a": "é"}'
    view.body("Text")
    view.fill("Text body", "line\nline")
    got = view.to("/", "PUT").heard()
    assert (got["method"], got["body"]) == ("PUT", "line\nline")
    assert got["headers"]["content-type"] == "text/plain; charset=utf-8"

    view.body("Form")
    (tmp_path / "one.txt").write_bytes(b"one\r\n")
    (tmp_path / "two.bin").write_bytes(bytes(range(256)))
    view.fill("Field 1: name", "note")
    view.fill("Field 1: value", "é=1")
    view.fill("Field 2: name", "files")
    view.choose("Field 2: type", "File")
    view.page.get_by_label("Field 2: file", exact=True).set_input_files([tmp_path / "one.txt", tmp_path / "two.bin"])
    got = view.to("/", "POST").heard()
    boundary = got["headers"]["content-type"].partition("boundary=")[2]
    parts = got["body"].encode("latin-1").split(f"--{boundary}".encode())
    assert 'name="note"\r\n\r\né=1\r\n'.encode() in parts[1]
    assert b'name="files"; filename="one.txt"\r\nContent-Type: text/plain\r\n\r\none\r\n' in parts[2]
    assert parts[3].endswith(bytes(range(256)) + b"\r\n")

    view.body("File")
    view.page.get_by_label("File to send as the body", exact=True).set_input_files(tmp_path / "two.bin")
    got = view.to("/", "PATCH").heard()
    assert (got["method"], got["sha256"]) == ("PATCH", hashlib.sha256(bytes(range(256))).hexdigest())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1,\n "b": 2,}', "Line 2, column 9: nothing follows the comma"),
        ('{"a" 1}', "Line 1, column 6: `:` is expected"),
        ("[1\n\n 2]", "Line 3, column 2: `,` or `]` is expected"),
        ("{a: 1}", "Line 1, column 2: a name in double quotes is expected"),
        ('["\\x"]', "Line 1, column 3: there is no such escape"),
        ('["a', "Line 1, column 4: the text ends within a string"),
        ("[01]", "Line 1, column 2: a value is expected"),
        ("{} {}", "Line 1, column 4: there is more text after the value"),
        ('{"a": [true, null, -1.5e3, "\\u00e9"]}', ""),
    ],
)
def test_json_is_checked_while_it_is_typed(json_view, text, told):
    json_view.fill("JSON body", text)
    assert json_view.page.inner_text("#try-fault") == told
    assert (json_view.page.get_attribute("[aria-label='JSON body']", "aria-invalid") == "true") == bool(told)


@pytest.fixture(scope="module")
def json_view(chromium, run) -> Iterator[Try]:
    context = chromium.new_context()
    view = Try(opened(context, run))
    view.body("JSON")
    yield view
    context.close()


def test_files_are_dropped_and_pictures_are_shown(view):
    view.body("File")
    view.page.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(20, 10);
            canvas.getContext('2d').fillRect(0, 0, 9, 9);
            const data = new DataTransfer();
            data.items.add(new File([await canvas.convertToBlob()], '<b>dropped</b>.png', { type: 'image/png' }));
            const zone = document.querySelector('vh-try .body-part > .files');
            for (const kind of ['dragenter', 'dragover', 'drop'])
                zone.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    view.until("document.querySelector('vh-try .chosen img')?.naturalWidth === 20")
    assert view.page.inner_text("vh-try .chosen .name") == "<b>dropped</b>.png"
    assert view.to("/", "POST").heard()["headers"]["content-type"] == "image/png"
    view.page.get_by_role("button", name="Remove <b>dropped</b>.png").click()
    assert view.page.locator("vh-try .chosen li").count() == 0


def test_a_form_is_drawn_from_the_apps_own_schema(view, tmp_path):
    view.route("POST /predict · Classify <b>an</b> iris")
    view.fill("sepal", "9")
    assert view.page.evaluate("document.querySelector('vh-try .drawn [aria-invalid]').title") != "", "over its limit"
    view.fill("sepal", "1.5")
    assert view.page.locator("vh-try .drawn [aria-invalid]").count() == 0
    view.choose("species", "virginica")
    view.choose("fresh", "false")
    view.page.get_by_role("button", name="Add to parts").click()
    names = view.page.get_by_label("name", exact=True)
    names.nth(0).fill("<i>leaf</i>")
    names.nth(1).fill("stem")
    view.page.click("vh-try .optional summary:has-text('where')")
    view.fill("garden", "back")
    wanted = {
        "sepal": 1.5,
        "count": 3,
        "species": "virginica",
        "fresh": False,
        "parts": [{"name": "<i>leaf</i>"}, {"name": "stem"}],
        "where": {"garden": "back"},
    }
    got = view.heard()
    assert (got["method"], got["path"], json.loads(got["body"])) == ("POST", "/predict", wanted)
    view.page.get_by_role("button", name="As JSON").click()
    assert json.loads(view.page.input_value("[aria-label='JSON body']")) == wanted
    view.fill("JSON body", '{"sepal": 2, "species": "setosa", "parts": [], "child": {"sepal": 3}}')
    view.page.get_by_role("button", name="As a form").click()
    assert view.page.get_by_label("sepal", exact=True).nth(0).input_value() == "2"
    assert view.page.get_by_label("sepal", exact=True).nth(1).input_value() == "3", (
        "it is in itself, as often as one likes"
    )

    view.route("GET /echo/{kind}")
    view.choose("kind", "c/d")
    view.fill("limit", "4")
    view.fill("X-Extra", "yes")
    got = view.heard()
    assert (got["path"], got["query"], got["headers"]["x-extra"]) == ("/echo/c%2Fd", "limit=4", "yes")

    view.route("GET /pair/{name}/{number}")
    view.fill("name", "é/b")
    view.fill("number", "")
    view.begin()
    view.page.wait_for_selector("vh-try .trouble:visible:has-text('The path needs number')")
    assert view.page.evaluate("document.activeElement.getAttribute('aria-label')") == "number"
    view.fill("number", "0")
    assert view.heard()["path"] == "/pair/%C3%A9%2Fb/0"

    view.route("POST /upload")
    (tmp_path / "a.txt").write_text("a")
    view.page.get_by_label("image", exact=True).set_input_files(tmp_path / "a.txt")
    got = view.heard()
    assert 'name="image"; filename="a.txt"' in got["body"]
    assert 'name="note"\r\n\r\né' in got["body"].encode("latin-1").decode()

    view.route("POST /odd")
    assert json.loads(view.heard()["body"]) == {"either": ["this", "that"]}, "what is not drawn is its example"


def test_a_route_that_leads_out_of_the_endpoint_is_not_asked(view, run):
    view.route("POST /../")
    view.begin()
    view.page.wait_for_selector("vh-try .trouble:visible")
    assert "would resolve .. in this path" in view.page.inner_text("vh-try .trouble")
    assert view.to("/%2e%2E/x").page.inner_text("vh-try .facts") == ""
    view.begin()
    assert "would resolve .. in this path" in view.page.inner_text("vh-try .trouble")
    assert run.process.poll() is None


def test_json_is_folded_and_unfolded_piece_by_piece(view):
    facts = view.to("/nested").send()
    assert re.match(r"200 OK [\d.]+ m?s first byte [\d.]+ m?s total 28.3 KiB application/json \w+$", facts)
    tree = view.page.locator("vh-try .shown")
    assert tree.locator("details").count() == 3
    tree.locator("summary", has_text="list:").click()
    tree.locator(".leaf", has_text=re.compile(r"^99: 99$")).wait_for()
    assert tree.locator(".leaf", has_text=re.compile(r"^100: ")).count() == 0
    tree.get_by_role("button", name="4,900 more").click()
    assert tree.locator(".leaf", has_text=re.compile(r"^199: 199$")).count() == 1
    assert tree.get_by_role("button", name="4,800 more").count() == 1
    assert '<b>: "</b>"' in tree.inner_text()
    view.page.click("vh-try .answering summary:has-text('Headers')")
    assert "X-Told\tyes <b>" in view.page.inner_text("vh-try .headers")
    view.page.evaluate("document.activeElement.blur()")
    view.page.keyboard.press("Control+Enter")
    wait_for(lambda: view.page.locator("vh-try .past li").count() == 2, "it to be sent by the keys, without a focus")


def test_each_kind_of_answer_is_shown_as_what_it_is_and_runs_nothing(view):
    title = view.page.title()
    view.to("/image.png").send()
    view.until("document.querySelector('vh-try img.medium')?.naturalWidth === 8")
    view.show("Bytes")
    assert "000000  89 50 4e 47 0d 0a 1a 0a" in view.page.inner_text("vh-try .answer-body pre")
    view.to("/drawing.svg").send()
    view.until("document.querySelector('vh-try img.medium')?.naturalWidth === 9")
    view.to("/sound.wav").send()
    view.until("document.querySelector('vh-try audio')?.duration === 0.1")
    view.to("/table.csv").send()
    rows = view.page.locator("vh-try .shown tr")
    assert rows.count() == 201
    assert rows.nth(1).locator("td").all_text_contents() == ["iris, 0", "0", '<b>"0"</b>']
    assert "The first 200 rows." in view.page.inner_text("vh-try .shown")
    view.to("/page").send()
    assert "<script>document.title='run'</script>" in view.page.inner_text("vh-try .answer-body pre")
    view.to("/text").send()
    assert view.page.inner_text("vh-try .answer-body pre") == "café \\x1b[2J\nend"
    view.to("/claims").send()
    assert view.said() == "The answer says that it is application/json, but it is not: it is not text."
    assert "000010  10 11 12" in view.page.inner_text("vh-try .answer-body pre")
    view.to("/none").send()
    assert "The answer has no body." in view.page.inner_text("vh-try .shown")
    assert view.to("/nested", "HEAD").send().startswith("200 OK")
    assert view.to("/status/418").send().startswith("418 ")
    assert "bad" in view.page.get_attribute("vh-try .facts .pill", "class")
    assert view.to("/short").send().startswith("200 OK")
    assert view.said() == "The answer broke off after 10 B."
    view.page.problems.clear()  # of which the browser has told, too
    view.to("/moved").send()
    view.page.get_by_role("button", name="Follow to nested").click()
    assert "28.3 KiB" in view.ended()
    assert view.page.title() == title


def test_a_stream_is_shown_as_it_comes_and_one_that_is_stopped_ends_at_the_app(view, run, own_vhlocal):
    view.to("/events").begin()
    view.page.wait_for_selector("vh-try .answer-body pre:has-text('data: one')")
    assert "data: two" not in view.page.inner_text("vh-try .answer-body pre")
    assert view.page.get_attribute("vh-try .answering", "aria-busy") == "true"
    requests.get(f"{run.url('words')}go", timeout=60)
    view.ended()
    assert view.page.inner_text("vh-try .answer-body pre").split() == ["data:", "one", "data:", "two"]
    view.to("/silent").begin()
    view.page.wait_for_selector("vh-try .answer-body pre:has-text('begun')")
    view.page.get_by_role("button", name="Stop").click()
    view.ended()
    assert view.said() == "It was stopped after 6 B."
    wait_for(lambda: "nobody listens" in own_vhlocal("logs", "-C", str(run.directory)).stdout, "the app to be told")


def test_200_mb_pass_both_ways_and_are_held_by_nobody(view, run, tmp_path):
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(LARGE * MEBIBYTE)
    before = psutil.Process(run.process.pid).memory_info().rss
    view.body("File")
    view.page.get_by_label("File to send as the body", exact=True).set_input_files(tmp_path / "large.bin")
    assert view.to("/", "POST").heard()["size"] == LARGE * MEBIBYTE
    facts = view.to(f"/large?mebibytes={LARGE}").send()
    assert "200 MiB" in facts
    assert len(view.page.inner_text("vh-try .answer-body pre")) <= 128 * 1024
    assert view.page.get_by_role("button", name="Show more of 200 MiB").is_visible()
    session = view.page.context.new_cdp_session(view.page)
    session.send("HeapProfiler.collectGarbage")
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]} or {}
    session.send("Performance.enable")
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    assert metrics["JSHeapUsedSize"] < 64 * MEBIBYTE
    assert psutil.Process(run.process.pid).memory_info().rss - before < 100 * MEBIBYTE
    with view.page.expect_download(timeout=120_000) as download:
        view.page.get_by_role("button", name="Download 200 MiB").click()
    assert Path(download.value.path()).stat().st_size == LARGE * MEBIBYTE
    assert download.value.suggested_filename == "large.txt"


def test_what_was_sent_is_kept_within_a_bound_and_can_be_sent_again(view, tmp_path):
    view.page.click("vh-try summary:has-text('Headers')")
    view.fill("Header 1: name", "Authorization")
    view.fill("Header 1: value", "Bearer secret")
    view.fill("Header 2: name", "X-Extra")
    view.fill("Header 2: value", "kept")
    view.body("JSON")
    view.fill("JSON body", '{"first": 1}')
    view.to("/first?x=1", "PUT").heard()
    view.body("None")
    view.to("/second").heard()
    stored = view.page.evaluate("sessionStorage.getItem('vhlocal-try')")
    assert "secret" not in stored
    past = view.page.locator("vh-try .past li")
    assert past.count() == 2
    past.nth(1).get_by_role("button").click()
    got = view.heard()
    assert (got["method"], got["path"], got["query"], got["body"]) == ("PUT", "/first", "x=1", '{"first": 1}')
    assert (got["headers"]["x-extra"], "authorization" in got["headers"]) == ("kept", False)
    view.page.evaluate(
        """() => {
            const [one] = JSON.parse(sessionStorage.getItem('vhlocal-try'));
            sessionStorage.setItem('vhlocal-try', JSON.stringify(Array(50).fill({ ...one, text: 'x'.repeat(20000) })));
        }"""
    )
    view.heard()
    assert past.count() == 50
    view.page.get_by_role("button", name="Forget").click()
    assert past.count() == 0


@pytest.mark.parametrize("body", ["none", "JSON", "Form", "File"])
def test_a_request_is_written_as_others_write_it_and_is_the_same(view, run, tmp_path, body, own_vhlocal):
    """As curl, as Python and as .http: run, each of them sends what the page does."""
    (tmp_path / 'it\'s "a".txt').write_bytes(content := "é\n".encode() * 9)
    view.page.click("vh-try summary:has-text('Headers')")
    view.fill("Header 1: name", "X-Extra")
    view.fill("Header 1: value", 'it\'s "$HOME" \\ é')
    if body != "none":
        view.body(body)
    if body == "JSON":
        view.fill("JSON body", '{"it\'s": "$HOME \\\\ é\\n"}')
    elif body == "Form":
        view.fill("Field 1: name", "note")
        view.fill("Field 1: value", "@it's <é>;type=x")
        view.fill("Field 2: name", "file")
        view.choose("Field 2: type", "File")
        view.page.get_by_label("Field 2: file", exact=True).set_input_files(tmp_path / 'it\'s "a".txt')
    elif body == "File":
        view.page.get_by_label("File to send as the body", exact=True).set_input_files(tmp_path / 'it\'s "a".txt')
    wanted = view.to("/a%20b/it's?x=1&y", "GET" if body == "none" else "POST").heard()
    curl = subprocess.run(["sh", "-c", view.copied("curl")], cwd=tmp_path, capture_output=True, check=True, timeout=60)
    assert same(json.loads(curl.stdout), wanted)
    script = subprocess.run(
        [sys.executable, "-c", view.copied("Python")], cwd=tmp_path, capture_output=True, check=True, timeout=60
    )
    status, answer = script.stdout.decode().split("\n", 1)
    assert status == "200"
    assert same(json.loads(answer), wanted)
    smoke = run.directory / "smoke"
    smoke.mkdir(exist_ok=True)
    (smoke / 'it\'s "a".txt').write_bytes(content)
    text = view.copied(".http")
    expected = "\n".join(
        ["# expect 200", *(f"# expect $.{each} == {json.dumps(wanted[each])}" for each in ("method", "path", "query"))]
        + ([f'# expect $.sha256 == "{wanted["sha256"]}"'] if body != "Form" else [])
        + [f'# expect $.headers["x-extra"] == {json.dumps(wanted["headers"]["x-extra"])}']
    )
    (smoke / "words.http").write_text(re.sub("(### .*\n)", lambda found: f"{found[1]}{expected}\n", text))
    done = own_vhlocal("test", "words", "-C", str(run.directory))
    shutil.rmtree(smoke)
    assert "2 passed, 0 failed" in done.stdout, done.stdout + done.stderr


def same(got: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Tell whether two requests are the same, but for what each client says of itself, and a form's boundary."""

    def plain(heard: dict[str, Any]) -> tuple[Any, ...]:
        kind, _, boundary = heard["headers"].get("content-type", "").partition("; boundary=")
        body = heard["body"].replace(boundary, "-") if boundary else heard["body"]
        names = [each for each in re.findall(r"filename=\"(.*?)\"\r", body)]
        body = re.sub(r"filename=\".*\"\r", "filename\r", body)
        extra = heard["headers"].get("x-extra")
        return heard["method"], heard["path"], heard["query"], kind, body, extra, len(names)

    assert plain(got) == plain(wanted)
    return True


def test_what_was_tried_becomes_a_smoke_test(view, run, own_vhlocal):
    view.body("JSON")
    view.fill("JSON body", '{"a": 1}')
    view.to("/x?token=hidden", "POST").heard()
    view.page.get_by_role("button", name="Save as smoke test").click()
    view.page.get_by_label("Name", exact=True).fill("../words")
    view.page.locator("dialog").get_by_role("button", name="Save").click()
    assert view.page.evaluate("document.querySelector('dialog [name=name]').validity.patternMismatch")
    view.page.get_by_label("Name", exact=True).fill("words")
    view.page.locator("dialog").get_by_role("button", name="Save").click()
    view.page.wait_for_selector("vh-try .answering :text('Written to smoke/words.http')")
    file = run.directory / "smoke" / "words.http"
    text = file.read_text()
    assert "POST {{endpoint}}/x?token={{token}}" in text
    assert "# token was hidden: write" in text
    assert '# expect $.method == "POST"' in text
    view.to("/y", "POST").heard()
    view.page.get_by_role("button", name="Save as smoke test").click()
    view.page.locator("dialog").get_by_role("button", name="Save").click()
    view.page.wait_for_selector("dialog :text('smoke/words.http already exists.')")
    assert file.read_text() == text
    view.page.locator("dialog").get_by_role("button", name="Save").click()
    view.page.wait_for_selector("vh-try .answering :text('Written to smoke/words.http')")
    assert file.read_text().startswith(text.rstrip())
    assert "POST {{endpoint}}/y" in file.read_text()
    view.page.get_by_role("button", name="Save as smoke test").click()
    view.page.get_by_label("Name", exact=True).fill("other")
    view.page.locator("dialog").get_by_role("button", name="Save").click()
    view.page.wait_for_selector("vh-try .answering :text('Written to smoke/words/other.http')")
    shutil.rmtree(run.directory / "smoke")


def test_a_link_chooses_its_endpoint_before_it_is_known_what_is_served(context, run):
    view = Try(opened(context, run, "try?endpoint=more&on=dev&path=/r&method=POST"))
    view.page.reload()
    view.page.wait_for_selector("vh-try .where .pill.good")
    got = view.heard()
    assert (got["method"], got["path"]) == ("POST", "/r")
    assert got["headers"]["x-vh-prefix"] == run.url("more", "dev").removeprefix(run.base_url)
    assert view.page.locator("vh-try .asking .warn:visible").count() == 0
    assert view.page.problems == []


def test_a_link_to_what_is_not_served_says_so_until_something_else_is_chosen(context, run):
    view = Try(opened(context, run, "try?endpoint=gone&on=<b>old</b>&path=/r"))
    for again in (lambda: None, view.page.reload):
        again()
        view.page.wait_for_selector("vh-try .asking .warn:visible")
        said = view.page.inner_text("vh-try .asking .warn:visible")
        assert said == "<b>old</b> and gone are not served: choose another one."
    view.choose("Endpoint", "more")
    assert view.page.locator("vh-try .asking .warn:visible").count() == 0
    assert view.page.problems == []


def test_a_recorded_request_is_filled_in_from_a_link(context, run):
    requests.post(f"{run.url('more', 'dev')}r?q=1", json={"é": 1}, headers={"X-Extra": "1"}, timeout=60)
    (record,) = [each for each in recordings(run) if each["request"]["target"].endswith("/r?q=1")]
    view = Try(opened(context, run, f"try?recording={record['id']}"))
    view.until('document.querySelector("[aria-label=\'JSON body\']").value !== ""')
    got = view.heard()
    assert got["headers"]["x-vh-prefix"] == run.url("more", "dev").removeprefix(run.base_url)
    assert (got["path"], got["query"], got["headers"]["x-extra"]) == ("/r", "q=1", "1")
    assert json.loads(got["body"]) == {"é": 1}
    assert view.page.problems == []


def recordings(run: Running) -> list[dict[str, Any]]:
    record = run.vhlocal.record(run.directory)
    headers = {"Authorization": f"Bearer {record.token}"}
    answer = requests.get(f"{run.base_url}/api/recordings", headers=headers, timeout=60)
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_guarded_run_asks_for_its_user(context, tmp_path, environments, tools):
    """K7."""
    vhlocal = command_line(tmp_path, environments, tools)
    vhlocal.environment["TRY_PASSWORD"] = "päss"
    files = {**FILES, "vhlocal.yaml": "basic-auth:\n  ada: env:TRY_PASSWORD\n"}
    with up(vhlocal, written(tmp_path / "project", files)) as run:
        view = Try(opened(context, run))
        facts = view.to("/x").send()
        assert facts.startswith("401 Unauthorized")
        assert "from vhlocal, not from your app" in facts
        view.page.get_by_role("button", name="Enter a user name and password").click()
        view.page.get_by_label("User", exact=True).fill("ada")
        view.page.get_by_label("Password", exact=True).fill("päss")
        view.page.get_by_role("button", name="Send again").click()
        view.page.wait_for_selector("vh-try .facts .pill.good")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_each_screen(chromium, run, scheme):
    """No horizontal scrollbar with long names and long values; the pictures are kept to be looked at."""
    pictures = Path(__file__).parent.parent.parent / "build" / "screenshots"
    for name, width in {"phone": 360, "tablet": 768, "desk": 1440}.items():
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        view = Try(opened(context, run))
        view.route("POST /predict")
        view.to(f"/{'long' * 60}", "POST").heard()
        view.show("JSON")
        assert overflow(view.page) <= 0, (name, scheme)
        view.page.screenshot(path=pictures / f"try-{name}-{scheme}.png", full_page=True)
        assert view.page.problems == []
        context.close()


def test_a_request_that_the_code_has_a_route_for_is_filled_in_at_a_click(context, tmp_path, environments, tools):
    """An app without a schema: what the end of `vhlocal up` shows."""
    vhlocal = command_line(tmp_path / "own", environments, tools)
    app = """
        from flask import Flask, jsonify, request

        app = Flask(__name__)

        @app.post("/predict")
        def predict():
            return jsonify(twice=2 * request.get_json()["x"])
    """
    files = {
        "valohai.yaml": endpoint("words", "wsgi: app:app"),
        "app.py": textwrap.dedent(app),
        "requirements.txt": "flask",
    }
    with up(vhlocal, written(tmp_path / "project", files)) as run:
        view = Try(opened(context, run))
        view.page.get_by_role("button", name="POST /predict").click()
        assert view.send().startswith("200 OK")
        view.show("Text")
        assert json.loads(view.page.text_content("vh-try .answer-body pre")) == {"twice": 2}
        assert view.page.problems == []
