"""The view *Requests* in a real browser, on a real run: what it lists, the whole of one, what can be done with it."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.page.runs import command_line, up, written
from tests.requests import ended
from tests.session.edited import endpoint
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.command import Running

APP = """\
import itertools, json
COUNT = itertools.count()
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000020000000108020000007b40e8dd0000000f49444154789c63f8cfc0c0c0f01f0007"
    "0002000bd0b1ba0000000049454e44ae426082"
)


def app(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    path = environ["PATH_INFO"]
    if path.endswith("/markup"):
        start_response("200 OK", [("Content-Type", "text/html"), ("X-Markup", "<b>bold</b>")])
        return [b"<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"]
    if path.endswith("/picture"):
        start_response("200 OK", [("Content-Type", "image/png")])
        return [PNG]
    status = "503 Service Unavailable" if path.endswith("/fails") else "200 OK"
    start_response(status, [("Content-Type", "application/json"), ("Set-Cookie", "session=crumbs")])
    facts = {"big": 12345678901234567890, "body": body.decode(), "known": environ.get("HTTP_AUTHORIZATION", "")}
    if path.endswith("/count"):
        facts["count"] = next(COUNT)
    return [json.dumps(facts).encode()]
"""
YAML = endpoint("digits", "wsgi: server:app") + endpoint("words", "wsgi: server:app")


@pytest.fixture(scope="module")
def run(tmp_path_factory, environments, tools) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("requests")
    files = {"valohai.yaml": YAML, "server.py": APP}
    with up(command_line(directory, environments, tools), written(directory / "project", files)) as started:
        yield started


@pytest.fixture
def page(chromium, run):
    """The view, which nothing has gone wrong in when the test ends."""
    wrong: list[str] = []
    with chromium.new_context(viewport={"width": 1440, "height": 900}) as context:
        opened = context.new_page()
        opened.set_default_timeout(60_000)
        # Chromium tells of each answer that is no success: what is refused is asked for here.
        opened.on(
            "console",
            lambda said: wrong.append(said.text) if said.type == "error" and " 409 " not in said.text else None,
        )
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.goto(vh(run, "ps", "--link").strip())
        opened.wait_for_selector("#connection:text('live')")
        opened.evaluate("location.hash = '#/requests'")
        opened.wait_for_selector("vh-requests .count")
        yield opened
    assert wrong == []


def vh(run: Running, *arguments: str) -> str:
    done = run.vhlocal(*arguments, "-C", str(run.directory))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows(page, text: str | re.Pattern[str] = ""):
    return page.locator("vh-requests .rows a").filter(has_text=text)


def opened(page, text: str):
    """Open the newest request that has this text, and return what shows the whole of it."""
    rows(page, text).first.click()
    detail = page.locator("vh-requests .detail")
    detail.locator(".mono", has_text=text).first.wait_for()
    detail.get_by_role("heading", name="Answer", exact=True).wait_for()
    return detail


def choose(page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label, exact=True).select_option(option)


def test_requests_are_listed_as_they_end_newest_first_and_can_be_sought(page, run):
    url = run.url("digits", "dev")
    requests.post(f"{url}first?token=secret", data=b"x", timeout=60)
    rows(page, "/first").wait_for()
    requests.get(f"{run.url('words')}second", timeout=60)
    requests.get(f"{url}fails", timeout=60)
    rows(page, "/fails").wait_for()
    listed = rows(page).all_inner_texts()[:3]
    assert [re.search(r"/\w+", text)[0] for text in listed] == ["/fails", "/second", "/first"]
    assert "token=********" in listed[2]
    choose(page, "Endpoint", "words")
    rows(page, "/first").wait_for(state="detached")
    rows(page, "/second").first.wait_for()
    assert {text.split()[4] for text in rows(page).all_inner_texts()} == {"words"}
    choose(page, "Endpoint", "")
    choose(page, "Status", "failed")
    rows(page, "/second").wait_for(state="detached")
    rows(page, "/fails").first.wait_for()
    assert rows(page, "/fails").count() == 1
    choose(page, "Status", "2xx")
    rows(page, "/fails").wait_for(state="detached")
    page.get_by_label("Text in a request").fill("post FIRST")
    rows(page, "/second").wait_for(state="detached")
    rows(page, "/first").first.wait_for()
    assert rows(page).count() == 1
    # What is sought is in the address, so that a link leads to it.
    page.reload()
    rows(page, "/first").wait_for()
    assert rows(page).count() == 1
    assert page.get_by_label("Text in a request").input_value() == "post FIRST"


def test_the_whole_of_one_shows_its_times_heads_and_bodies_as_text_and_what_is_secret_masked(page, run):
    url = run.url("digits", "dev")
    headers = {"Authorization": "Bearer hidden", "Cookie": "a=hidden"}
    requests.post(f"{url}whole?token=hidden", json={"a": [1, {}]}, headers=headers, timeout=60)
    detail = opened(page, "/whole")
    for summary in detail.get_by_text(re.compile("^[0-9]+ headers$")).all():
        summary.click()
    text = detail.inner_text()
    # The app has said the header back in its body, which is as it was.
    assert text.replace('"known": "Bearer hidden"', "").count("hidden") == 0
    assert "crumbs" not in text
    assert "Bearer ********" in text
    assert detail.locator("pre").all_inner_texts()[0] == '{\n  "a": [\n    1,\n    {}\n  ]\n}'
    assert '"big": 12345678901234567890' in detail.locator("pre").all_inner_texts()[1], "numbers are as they were sent"
    assert detail.locator(".times li").evaluate_all("each => each.map((one) => one.firstChild.textContent)") == [
        "gateway",
        "first byte",
        "rest",
        "total",
    ]
    requests.get(f"{url}markup", timeout=60)
    detail = opened(page, "/markup")
    assert "<script>window.hacked = 1</script>" in detail.inner_text()
    assert page.evaluate("window.hacked") is None
    requests.get(f"{url}picture", timeout=60)
    detail = opened(page, "/picture")
    detail.locator("img").wait_for()
    assert detail.locator("img").evaluate("async (img) => { await img.decode(); return img.naturalWidth }") == 2


def test_a_request_is_replayed_here_and_elsewhere_and_what_differs_is_shown(page, run):
    url = run.url("digits", "dev")
    _, counted = (
        requests.get(f"{url}{path}", headers={"Authorization": "Bearer hidden"}, timeout=60)
        for path in ("same", "count")
    )
    count = counted.json()["count"]
    detail = opened(page, "/same")
    detail.get_by_role("button", name="Replay").click()
    detail.locator(".result .pill", has_text="the same").wait_for()
    detail = opened(page, "/count")
    version = run.url("digits").split("/")[-3]
    choose(page, "Where to send it", version)
    detail.get_by_role("button", name="Replay").click()
    detail.get_by_role("heading", name=f"Replayed on {version}").wait_for()
    assert detail.locator(".differences tbody tr").all_inner_texts() == [f"$.count\t{count}\t{count + 1}"]
    rows(page, "replayed").first.wait_for()
    rows(page, "replayed").first.click()
    detail.get_by_text("vhlocal sent it itself, so it is not recorded.").wait_for()


def test_a_request_is_pinned_and_handed_on(page, run):
    requests.post(f"{run.url('words', 'dev')}pinned", data=b"x", timeout=60)
    detail = opened(page, "/pinned")
    found = page.url.rpartition("id=")[2]
    detail.get_by_role("button", name="Pin", exact=True).click()
    detail.get_by_role("button", name="Unpin").wait_for()
    tags = page.locator("vh-requests .rows .tag", has_text="pinned")
    tags.wait_for()
    assert found[:8] in vh(run, "requests", "--pinned")
    vh(run, "requests", "unpin", found)
    detail.get_by_role("button", name="Pin", exact=True).wait_for()
    wait_for(lambda: tags.count() == 0, "it to be marked no more")
    vh(run, "requests", "pin", found)
    detail.get_by_role("button", name="Unpin").wait_for()
    tags.wait_for()
    choose(page, "Status", "pinned")
    wait_for(lambda: rows(page).count() == 1, "the others to be left out")
    detail.get_by_role("button", name="As curl").click()
    detail.locator(".result pre", has_text="curl --path-as-is").wait_for()
    assert "--data-raw x" in detail.locator(".result pre").inner_text()
    links = detail.locator("a[href]").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    assert f"#/try?recording={found}" in links
    around = next(link for link in links if link.startswith("#/logs?"))
    record = json.loads(vh(run, "requests", "--pinned", "--json"))
    assert around == f"#/logs?around={record['time']}&endpoint=words"
    detail.get_by_role("button", name="Unpin").click()
    detail.get_by_role("button", name="Pin", exact=True).wait_for()
    assert vh(run, "requests", "--pinned") == ""


def test_what_is_refused_is_said_where_it_was_asked(page, run):
    requests.post(f"{run.url('words', 'dev')}large", data=b"x" * 2_000_000, timeout=60)
    detail = opened(page, "/large")
    assert "1.9 MiB: longer than 1048576 bytes" in detail.inner_text()
    for button in ("Replay", "Pin", "As curl"):
        detail.get_by_role("button", name=button, exact=True).click()
        detail.locator(".result .bad", has_text=f"{'pinned' if button == 'Pin' else 'not kept'}").wait_for()
        assert detail.locator(".result .hint").count() == 1
    page.evaluate("location.hash = '#/requests?id=0123'")
    detail.get_by_text("This request is no longer here").wait_for()


def test_it_is_paused_and_goes_on(page, run):
    url = run.url("digits", "dev")
    requests.get(f"{url}before", timeout=60)
    rows(page, "/before").wait_for()
    page.get_by_role("button", name="Pause").click()
    requests.get(f"{url}meanwhile", timeout=60)
    page.get_by_role("button", name="Resume (1 new)").wait_for()
    # Also what is read again, as after a moment without the run.
    with page.expect_response(re.compile("/api/pins")):
        page.evaluate("import('/static/stream.js').then(({ stream }) => stream.retry())")
    requests.get(f"{url}afterwards", timeout=60)
    go_on = page.get_by_role("button", name="Resume (2 new)")
    go_on.wait_for()
    assert rows(page, "/meanwhile").count() == 0
    go_on.click()
    rows(page, "/afterwards").wait_for()
    assert rows(page, "/meanwhile").count() == 1


def test_many_requests_stay_bounded_and_are_drawn_as_far_as_they_are_seen(page, run):
    """The run keeps a thousand; a page that is open for long sees many more, which the list of the run stands for."""
    many, kept = 21_000, 19_000
    began = time.time() - many
    odd: dict[str, Any] = {"target": "/p" + "ä<b>" * 60, "prefix": "/p", "endpoint": "x" * 200}
    lines = [
        json.dumps(ended(id=f"{number:032x}", time=began + number / 1000, **(odd if number > 20_980 else {})).facts())
        for number in range(many)
    ]
    answer = "\n".join(lines)
    page.route("**/api/requests?*", lambda route: route.fulfill(body=answer, content_type="application/x-ndjson"))
    with page.expect_response(re.compile("/api/events.*requests")):
        page.reload()
    page.get_by_text("(2,000 older ones left out)").wait_for()
    rows(page, "<b>").first.wait_for()
    for width in (360, 768, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert rows(page).count() < 80
    page.locator("vh-requests .list").evaluate("list => { list.scrollTop = list.scrollHeight }")
    last = page.locator(f"vh-requests .rows li[aria-posinset='{kept}'] a")
    last.wait_for()
    assert last.get_attribute("href").endswith(f"id={many - kept:032x}")
    assert rows(page).count() < 80
    # What is read stays in its place while others come above it.
    read = rows(page).nth(10)
    found, top = read.get_attribute("href"), read.bounding_box()["y"]
    requests.get(f"{run.url('digits', 'dev')}live", timeout=60)
    page.locator(f"vh-requests .rows li[aria-setsize='{kept + 1}']").first.wait_for()
    assert page.locator(f"vh-requests .rows a[href='{found}']").bounding_box()["y"] == pytest.approx(top, abs=1)
