"""HAR files: ours, as an independent library reads them, and those of browsers."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import haralyzer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exchanges import PREFIX, answered, exchange, sent
from vhlocal.errors import InputError
from vhlocal.exchanges import Answer, Body, Request, whole
from vhlocal.masked import MASK
from vhlocal.recorder.har_reading import read_har
from vhlocal.recorder.har_writing import har

URL, FILE = "http://127.0.0.1:8000", Path("run.har")


def read(text: str):
    return read_har(text, FILE, URL)


def browsers(*urls: str, **entry) -> str:
    """A file as browsers export it: with pages, pseudo headers, unpacked bodies and a time with a Z."""
    written = {
        "startedDateTime": "2026-11-26T03:00:00.123Z",
        "time": 12.5,
        "request": {
            "method": "POST",
            "httpVersion": "h2",
            "headers": [{"name": ":path", "value": "/x"}, {"name": "accept", "value": "*/*"}],
            "queryString": [],
            "cookies": [],
            "headersSize": -1,
            "bodySize": 7,
            "postData": {"mimeType": "application/json", "text": '{"a":1}'},
        },
        "response": {
            "status": 200,
            "statusText": "OK",
            "httpVersion": "h2",
            "headers": [{"name": "content-encoding", "value": "gzip"}],
            "cookies": [],
            "content": {"size": 9, "mimeType": "application/json", "text": '{"n": 1}\n'},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": 30,
        },
        "cache": {},
        "timings": {"send": 0, "wait": 12, "receive": 0.5},
        **entry,
    }
    entries = [{**written, "request": {**written["request"], "url": url}} for url in urls]
    return json.dumps(
        {"log": {"version": "1.2", "pages": [], "creator": {"name": "b", "version": "1"}, "entries": entries}}
    )


def test_another_library_reads_what_is_written():
    binary = exchange(answer=sent(b"\x89PNG\0", "image/png", prefix=PREFIX), id="b" * 32)
    page = haralyzer.HarParser(json.loads(har([exchange(), binary], URL)))
    first, second = page.har_data["entries"]
    entries = [haralyzer.HarEntry(entry) for entry in (first, second)]
    assert [entry.request.method for entry in entries] == ["POST", "POST"]
    assert entries[0].request.url == f"{URL}{PREFIX}/digit?a=1"
    assert entries[0].request.text == '{"x": 1}'
    assert entries[0].request.queryString == [{"name": "a", "value": "1"}]
    assert entries[0].status == 200
    assert entries[0].response.mimeType == "application/json"
    assert entries[0].response.text == '{"digit": 7, "probability": 0.998}'
    assert entries[0].time == 250
    assert entries[0].startTime.timestamp() == 1_700_000_000.5
    assert entries[1].response.textEncoding == "base64"
    assert base64.b64decode(entries[1].response.text) == b"\x89PNG\0"


def test_what_was_written_is_read_as_the_same():
    Answer(204, (), whole(b""), PREFIX)
    large = Body(None, 5_000_000, "ab" * 32, "longer than 1048576 bytes")
    told = [
        exchange(),
        exchange(Request("GET", f"{PREFIX}/a%2Fb?x=%20&y", (("Accept", "*/*"), ("accept", "text/html")))),
        exchange(
            Request("PUT", PREFIX, (("Content-Type", "x/y"),), whole(b"\0\xff")), Answer(204, (), whole(b""), PREFIX)
        ),
        exchange(Request("POST", f"{PREFIX}/", (), large), Answer(200, (), large, PREFIX, "the server hung up")),
        exchange(answer=sent("größe\n".encode(), "text/plain", status=599, prefix=PREFIX)),
    ]
    assert read(har(told, URL)).exchanges == tuple(told)
    assert read(har(told, URL)).told() == ""


@settings(deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200), st.floats(0, 4e9), st.sampled_from(["text/plain", "a/b"]))
def test_any_bytes_survive(request_body, answer_body, time, kind):
    one = exchange(
        Request("POST", PREFIX, (("Content-Type", kind),), whole(request_body)),
        sent(answer_body, kind, prefix=PREFIX),
        time=round(time, 3),
    )
    (found,) = read(har([one], URL)).exchanges
    assert abs(found.time - one.time) < 0.0011
    assert replace(found, time=one.time) == one


def test_what_somebody_is_known_by_is_not_written_and_not_sent_again():
    headers = (("Authorization", "Basic c2VjcmV0"), ("Cookie", "s=secret"), ("X-Api-Key", "secret"), ("Accept", "*/*"))
    one = exchange(
        Request("GET", f"{PREFIX}/?token=secret", headers), answered({}, prefix=PREFIX, Set_Cookie="s=secret; Path=/")
    )
    text = har([one], URL)
    assert "secret" not in text
    assert "c2VjcmV0" not in text
    assert MASK in text
    (found,) = read(text).exchanges
    assert found.request.headers == (("Accept", "*/*"),)


def test_a_browsers_file_is_read():
    (found,) = read(browsers(f"{URL}{PREFIX}/digit?a=%20")).exchanges
    assert (found.id, found.endpoint, found.prefix, found.seconds) == ("har-1", "predict", PREFIX, 0.0125)
    assert found.time == pytest.approx(1_795_662_000.123)
    assert found.request == Request("POST", f"{PREFIX}/digit?a=%20", (("accept", "*/*"),), whole(b'{"a":1}'))
    # The browser has unpacked it, and says so nowhere.
    assert found.answer == Answer(200, (), whole(b'{"n": 1}\n'), PREFIX)


def test_requests_to_other_hosts_and_paths_are_told():
    urls = [f"{URL}{PREFIX}/", *["https://cdn.example.com/x.js"] * 2, f"{URL}/favicon.ico", "https://a.b/o/p/d/v/e/"]
    found = read(browsers(*urls))
    assert len(found.exchanges) == 1
    assert found.told() == (
        "left out 4 that are not to an endpoint of this run: cdn.example.com (2), /favicon.ico (1), a.b (1)"
    )


def test_a_file_of_other_hosts_alone_is_refused():
    with pytest.raises(
        InputError,
        match=r"nothing to replay at http://127\.0\.0\.1:8000; left out 1 .*: production\.example\.com \(1\)",
    ) as caught:
        read(browsers("https://production.example.com/o/p/d/v/e/"))
    assert caught.value.place.file == FILE
    assert caught.value.hint.endswith("write http://127.0.0.1:8000 for the other host in a copy of the file")


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ('{"log":\n {', "this is not a HAR file, because it is not JSON", 2),
        ("[]", "it has no log.entries", None),
        ('{"log": {"entries": {}}}', "it has no log.entries", None),
        ("[" * 100_000, "this is not a HAR file", None),
        ('{"log": {"entries": [{"request": {}}]}}', "entry 1 of the HAR file cannot be read: it has no url", 1),
        ('{"log":\n{"entries": [\n7]}}', "entry 1 of the HAR file cannot be read", 3),
        ('{"log": {"entries": []}}', "nothing to replay at http://127.0.0.1:8000; it has no request at all", None),
    ],
)
def test_what_is_no_har_is_told(text, message, line):
    with pytest.raises(InputError) as caught:
        read(text)
    assert message in caught.value.message
    assert (caught.value.place.file, caught.value.place.line) == (FILE, line)


def test_base64_that_is_none_is_told():
    content = {"size": 3, "mimeType": "x/y", "text": "a", "encoding": "base64"}
    text = browsers(f"{URL}{PREFIX}/", response={"status": 200, "headers": [], "content": content})
    with pytest.raises(InputError, match="entry 1 of the HAR file cannot be read: its base64 is invalid"):
        read(text)


DIALECTS = Path(__file__).with_name("har")


def dialect(name: str):
    return read((DIALECTS / f"{name}.har").read_text())


def test_what_chromium_exports_is_read():
    found = dialect("chromium")
    first, second = found.exchanges
    # Sent as it was, to this run by another of its names; the answer is not packed again.
    kept = ("Accept", "Connection", "Content-Length", "Content-Type", "Host", "sec-ch-ua-platform")
    assert first.request.target == f"{PREFIX}/digit?name=gr%C3%B6%C3%9Fe&x="
    assert tuple(name for name, _ in first.request.headers) == kept
    assert first.request.body == whole('{"n":"größe"}'.encode())
    assert first.answer == Answer(200, (("content-type", "application/json"),), whole(b'{"a": 7}'), PREFIX)
    assert (first.seconds, first.time) == (pytest.approx(0.012504), pytest.approx(1_795_662_001.25))
    assert second.answer == Answer(200, (("Content-Type", "image/png"),), whole(b"\x89PNG\0"), PREFIX)
    assert found.told() == (
        "left out 3 that are not to an endpoint of this run: cdn.example.com (1), data (1), abc (1)"
        f"; 1 that are WebSockets: {PREFIX}/live (1); 1 that got no answer: net::ERR_ABORTED (1)"
        f"; 1 whose body is not whole in the file: {PREFIX}/upload (1)"
        f"; 1 whose answer's body is not in the file: {PREFIX}/evicted (1)"
    )


def test_what_firefox_exports_is_read():
    found = dialect("firefox")
    (first,) = found.exchanges
    assert first.request.body == whole(b"a=1+2&b=%25")
    assert first.time == pytest.approx(1_795_662_001.5)
    # The text of the file is what the browser read; on the wire it was in the answer's charset.
    html = (("Content-Type", "text/html; charset=iso-8859-1"),)
    assert first.answer == Answer(200, html, whole("größe".encode("latin-1")), PREFIX)
    assert found.told() == (
        f"left out 1 that are WebSockets: {PREFIX}/live (1); 1 that got no answer: {PREFIX}/blocked (1)"
        f"; 1 whose body is not whole in the file: {PREFIX}/form (1)"
        f"; 1 whose answer's body is not in the file: {PREFIX}/large (1)"
    )


def test_what_playwright_has_recorded_in_a_browser_is_read():
    """The file is Playwright's own, of a page that posts JSON, a form with a file and bytes, and opens a WebSocket."""
    found = dialect("playwright")
    page, posted, picture = found.exchanges
    assert (page.request.method, page.request.target) == ("GET", f"{PREFIX}/page")
    assert posted.request.body == whole('{"x":"größe"}'.encode())
    assert posted.answer.body == whole('{"bytes": 15, "word": "größe"}'.encode())
    assert picture.answer.body == whole(bytes.fromhex("89504e470d0a1a0a00ff"))
    for each in found.exchanges:
        names = {name.lower() for name, _ in (*each.request.headers, *each.answer.headers)}
        assert not names & {"accept-encoding", "content-encoding"}
    assert found.told() == (
        f"left out 1 that are WebSockets: {PREFIX}/live (1); "
        f"2 whose body is not whole in the file: {PREFIX}/upload (1), {PREFIX}/raw (1)"
    )


def test_form_fields_without_their_text_are_encoded_if_the_length_is_right():
    params = [{"name": "a", "value": "1 2"}, {"name": "ö", "value": "%&"}]
    form = {"mimeType": "application/x-www-form-urlencoded", "params": params}

    def posted(length: str) -> str:
        headers = [{"name": "Content-Length", "value": length}]
        request = {"method": "POST", "url": f"{URL}{PREFIX}/", "headers": headers, "postData": form}
        return json.dumps({"log": {"entries": [{"request": request, "response": {"status": 204}}]}})

    (found,) = read(posted("19")).exchanges
    assert found.request.body == whole(b"a=1+2&%C3%B6=%25%26")
    with pytest.raises(InputError, match="1 whose body is not whole in the file") as caught:
        read(posted("20"))
    assert caught.value.hint == "export it again with content (`Save all as HAR with content`)"


def entry(url: str = f"{URL}{PREFIX}/", **request) -> str:
    """The least that can be sent again and compared."""
    written = {"request": {"method": "GET", "url": url, **request}, "response": {"status": 204}}
    return json.dumps({"log": {"entries": [written]}})


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (f"http://localhost:8000{PREFIX}", PREFIX),
        (f"http://a.localhost:8000{PREFIX}/x?", f"{PREFIX}/x?"),
        (f"http://[::1]:8000{PREFIX}/a b/ö?q=ü#x", f"{PREFIX}/a%20b/%C3%B6?q=%C3%BC"),
        (f"http://user:password@0.0.0.0:8000{PREFIX}/a%2Fb//../c", f"{PREFIX}/a%2Fb//../c"),
    ],
)
def test_a_run_has_all_names_that_this_machine_has_for_itself(url, target):
    (found,) = read(entry(url)).exchanges
    assert found.request.target == target
    assert (found.time, found.seconds, found.request.headers) == (0.0, 0.0, ())


@pytest.mark.parametrize(
    "url", [f"http://localhost{PREFIX}/", f"http://localhost:8001{PREFIX}/", f"https://a:8000{PREFIX}/"]
)
def test_another_port_or_host_is_elsewhere(url):
    with pytest.raises(InputError, match="1 that are not to an endpoint of this run"):
        read(entry(url))


def test_a_default_port_is_left_out_of_urls():
    assert read_har(entry(f"http://localhost{PREFIX}/"), FILE, "http://127.0.0.1:80").exchanges


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"headers": [{"name": "a\r\nb", "value": "c"}]}, "is not a header"),
        ({"headers": [{"name": "a", "value": "c\rd"}]}, "`a` is not a header"),
        ({"headers": [{"name": "größe", "value": "c"}]}, "`größe` is not a header"),
        ({"headers": [7]}, "cannot be read"),
        ({"method": "GET / HTTP/1.1"}, "`GET / HTTP/1.1` is not a method"),
    ],
)
def test_what_could_not_be_sent_is_told_with_its_line(request_, message):
    text = entry(**request_).replace('"entries": [', '"entries": [\n\n')
    with pytest.raises(InputError, match="entry 1 of the HAR file cannot be read") as caught:
        read(text)
    assert message in caught.value.message
    assert caught.value.place.line == 3


@pytest.mark.parametrize("status", ["1e999", "-1e999", "NaN"])
def test_a_status_that_is_no_number_is_told_with_its_line(status):
    text = entry().replace("204", status)
    with pytest.raises(InputError, match="entry 1 of the HAR file cannot be read: cannot convert float"):
        read(text)


@pytest.mark.parametrize("url", ["http://[::1:8000/", "http://localhost:x/", "http://h:99999/"])
def test_what_is_no_url_is_left_out(url):
    found = read(browsers(url, f"{URL}{PREFIX}/"))
    assert (len(found.exchanges), found.left_out) == (1, {("that are not to an endpoint of this run", url): 1})


def test_values_that_are_joined_by_line_feeds_are_headers_of_their_own():
    """Chromium's protocol and what is built on it have several Set-Cookie as one."""
    joined = [{"name": "set-cookie", "value": "a=1\nb=2"}, {"name": "x"}]
    response = {"status": 200, "headers": joined, "content": {"size": 1, "mimeType": "a/b", "text": "1"}}
    (found,) = read(browsers(f"{URL}{PREFIX}/", response=response)).exchanges
    assert found.answer.headers == (("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x", ""))


def test_what_a_browser_had_in_its_cache_is_no_answers_body():
    """It writes the page to a 304, that is answered without one."""
    content = {"size": 4, "mimeType": "text/html", "text": "page"}
    for status, body in ((304, b""), (204, b""), (200, b"page")):
        response = {"status": status, "headers": [], "content": content}
        (found,) = read(browsers(f"{URL}{PREFIX}/", response=response)).exchanges
        assert found.answer.body == whole(body)


@pytest.mark.parametrize(
    ("headers", "content", "is_whole"),
    [
        ({}, {"size": 4, "text": ""}, False),
        ({}, {"size": 0, "text": ""}, True),
        ({"Content-Length": "5"}, {"size": 5, "text": "page"}, False),
        ({"Content-Length": "4"}, {"size": 4, "text": "page"}, True),
        ({"Content-Length": "99", "Content-Encoding": "gzip"}, {"size": 4, "text": "page"}, True),
        ({}, {"size": 4, "text": "cGFn\r\nZQ==\r\n", "encoding": "base64"}, True),
    ],
)
def test_an_answer_whose_body_was_cut_off_is_left_out(headers, content, is_whole):
    fields = [{"name": name, "value": value} for name, value in headers.items()]
    response = {"status": 200, "headers": fields, "content": {"mimeType": "text/html", **content}}
    text = browsers(f"{URL}{PREFIX}/", response=response)
    if is_whole:
        (found,) = read(text).exchanges
        assert found.answer.body.content == (b"page" if content["size"] else b"")
    else:
        with pytest.raises(InputError, match="left out 1 whose answer's body is not in the file"):
            read(text)


@pytest.mark.parametrize(
    ("size", "posted", "is_whole"),
    [(4, {"text": "\ufffdPNG"}, False), (6, {"text": "\ufffdPNG"}, True), (-1, {"text": "a"}, True), (4, None, False)],
)
def test_a_body_in_chunks_has_the_length_that_the_file_tells(size, posted, is_whole):
    """mitmproxy writes bytes that are no text as a text with other bytes in it."""
    text = entry(headers=[{"name": "Transfer-Encoding", "value": "chunked"}], bodySize=size, postData=posted)
    if is_whole:
        assert len(read(text).exchanges) == 1
    else:
        with pytest.raises(InputError, match="left out 1 whose body is not whole"):
            read(text)


def test_bytes_of_a_path_and_of_headers_that_are_not_ascii_are_the_same_again():
    """A URL in the file is percent-encoded, by the bytes that came; a browser writes headers as their text."""
    sent_ = exchange(Request("GET", f"{PREFIX}/gr\xc3\xb6\xe9?a=\xe9", (("X-A", "gr\xc3\xb6 caf\xe9"),)))
    (found,) = read(har([sent_], URL)).exchanges
    assert found.request.target == f"{PREFIX}/gr%C3%B6%E9?a=%E9"
    assert found.request.headers == (("X-A", "gr\xc3\xb6 caf\xe9"),)
    of_a_browser = har([sent_], URL).replace("gr\xc3\xb6 caf\xe9", "日本")
    (found,) = read(of_a_browser).exchanges
    assert found.request.headers == (("X-A", "日本".encode().decode("latin-1")),)
