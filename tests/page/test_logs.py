"""The view of logs: what servers print, as it comes."""

from __future__ import annotations

import re

import pytest

from tests.page.printing import ARGUMENTS, FILES, say
from tests.page.watching import THEMES, WIDTHS, overflow, watching
from tests.waiting import wait_for

ROWS = "vh-logs .line"


@pytest.fixture
def run(running, project):
    with running(project(FILES), *ARGUMENTS) as up:
        yield up


def texts(page):
    return page.locator(f"{ROWS} .text").all_text_contents()


def until(page, *wanted):
    """Wait until these lines, and no others, are shown; those of two pipes come in any order."""
    wait_for(lambda: sorted(texts(page)) == sorted(wanted), f"{wanted}")


def test_lines_of_all_endpoints_come_live_and_can_be_chosen(run, chromium):
    say(run, "web", "before")
    with watching(chromium, run, "logs") as page:
        until(page, "before")
        say(run, "words", "of words")
        say(run, "web", "of web", stderr="an error of web")
        until(page, "before", "of words", "of web", "an error of web")
        assert sorted(page.locator(f"{ROWS} b").all_text_contents()) == ["web", "web", "web", "words"]
        assert page.locator(f"{ROWS}.stderr").all_text_contents()[0].endswith("an error of web")
        page.get_by_label("Endpoint", exact=True).select_option("web")
        until(page, "before", "of web", "an error of web")
        assert page.url.endswith("#/logs?endpoint=web")
        page.get_by_label("Stream").select_option("stdout")
        until(page, "before", "of web")
        page.get_by_label("Only lines with this text").fill("OF")
        until(page, "of web")
        say(run, "web", "another one", "one more of these")
        until(page, "of web", "one more of these")
        assert page.locator("vh-logs .count").text_content() == "2 of 6 lines"
        page.get_by_role("button", name="Copy").click()
        page.get_by_role("button", name="Copied").wait_for()
        copied = page.evaluate("navigator.clipboard.readText()").splitlines()
        assert [line.split(" ", 1)[1] for line in copied] == ["web of web", "web one more of these"]
        page.get_by_label("Only lines with this text").fill("no such line")
        page.get_by_text("No line matches.").wait_for()
        page.reload()
        page.get_by_text("No line matches.").wait_for()
        assert page.get_by_label("Endpoint", exact=True).input_value() == "web"


def test_colours_are_shown_as_colours_and_nothing_is_obeyed(run, chromium):
    """Markup, control characters and what turns text round are written out; nothing runs."""
    evil = [
        "plain \x1b[31mred\x1b[0m \x1b[1;38;5;208mbold orange\x1b[0m \x1b[48;2;0;0;255mon blue\x1b[49m end",
        "\x1b[2J\x1b]0;title\x07 \x08\u202e <script>window.hit = 1</script><img src=x onerror='window.hit = 1'>",
        "\x1b[38;2;300;0;0mno colour\x1b[m \x1b[999;;;m\x1b[31",
        "x" * 5000,
    ]
    say(run, "web", *evil)
    with watching(chromium, run, "logs") as page:
        wait_for(lambda: len(texts(page)) == 4, "four lines")
        colours = page.evaluate(
            """() => [...document.querySelectorAll('vh-logs .text span')].map((part) => {
                const style = getComputedStyle(part);
                return [part.textContent, style.color, style.fontWeight, style.backgroundColor];
            })"""
        )
        ink = page.evaluate("getComputedStyle(document.querySelector('vh-logs .text')).color")
        assert [part[0] for part in colours] == ["red", "bold orange", "on blue"]
        assert len({colours[0][1], colours[1][1], ink}) == 3
        assert colours[1][2] == "700"
        assert colours[2][1] == ink
        assert colours[2][3] != colours[0][3]
        shown = texts(page)
        assert shown[0] == "plain red bold orange on blue end"
        assert shown[1] == (
            "\\x1b[2J\\x1b]0;title\\x07 \\x08\\u202e "
            "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'>"
        )
        assert shown[2] == "no colour \\x1b[31"
        assert shown[3] == "x" * 1000 + " 4,000 characters more"
        page.get_by_role("button", name="4,000 characters more").click()
        assert texts(page)[3] == "x" * 5000
        assert page.evaluate("window.hit") is None
        assert page.locator("vh-logs .lines img, vh-logs .lines script").count() == 0
        assert page.locator("vh-logs .lines.wrapped").count() == 1
        lines = "document.querySelector('vh-logs .lines')"
        assert page.evaluate(f"{lines}.scrollWidth <= {lines}.clientWidth")
        page.get_by_label("Wrap").uncheck()
        assert page.evaluate(f"{lines}.scrollWidth > {lines}.clientWidth")


def test_who_pauses_or_scrolls_up_is_not_moved(run, chromium):
    say(run, "web", many=2000)
    with watching(chromium, run, "logs", viewport={"width": 1000, "height": 600}) as page:
        page.get_by_text("line 001999 of many").wait_for()
        assert page.locator(ROWS).count() <= 400
        page.get_by_role("button", name="Pause").click()
        before = texts(page)
        say(run, "web", "while paused")
        page.get_by_role("button", name="1 newer").wait_for()
        assert texts(page) == before
        # Also where lines are read again, as after a while in which nobody saw the page.
        page.route(
            "**/api/events*",
            lambda route: route.continue_(headers={**route.request.headers, "last-event-id": "long-ago.1"}),
        )
        with page.expect_response(re.compile("/api/logs")):
            page.evaluate("import('/static/stream.js').then(({ stream }) => stream.retry())")
        page.unroute("**/api/events*")
        say(run, "web", "after the gap")
        page.get_by_role("button", name="2 newer").wait_for()
        assert texts(page) == before
        page.get_by_role("button", name="Resume").click()
        page.get_by_text("while paused").wait_for()
        lines = page.locator("vh-logs .lines")
        lines.evaluate("lines => { lines.scrollTop = lines.scrollHeight / 2; }")
        at = lines.evaluate("lines => lines.scrollTop")
        say(run, "web", "while scrolled up")
        newer = page.get_by_role("button", name="1 newer")
        newer.wait_for()
        assert lines.evaluate("lines => lines.scrollTop") == at
        newer.click()
        page.get_by_text("while scrolled up").wait_for()

        # All that is kept can be scrolled to, a part of it at a time.
        def at_the_beginning():
            lines.evaluate("lines => { lines.scrollTop = 0; }")
            return page.get_by_text("line 001100 of many").count() == 1

        wait_for(at_the_beginning, "the first of the lines that are kept")
        assert page.locator(ROWS).count() <= 500


def test_a_request_leads_to_the_lines_around_it(run, chromium):
    say(run, "web", many=300)
    say(run, "words", "of another endpoint")
    say(run, "web", "what the request printed")
    say(run, "web", many=300)
    with watching(chromium, run, "logs") as page:
        page.get_by_text("line 000299 of many").last.wait_for()
        lines = page.evaluate(
            """() => [...document.querySelectorAll('vh-logs .line')].map(
                (line) => [line.textContent, Date.parse(line.querySelector('time').title) / 1000])"""
        )
        assert lines
        moment = page.evaluate(
            """async () => {
                const key = sessionStorage.getItem('vhlocal-key');
                const answer = await fetch('/api/logs?tail=1000', { headers: { Authorization: `Bearer ${key}` } });
                const lines = (await answer.text()).trim().split('\\n').map(JSON.parse);
                return lines.find((line) => line.text.startsWith('what the request')).time;
            }"""
        )
        page.evaluate("moment => { location.hash = `#/logs?around=${moment}&endpoint=web`; }", moment)
        row = page.locator(f"{ROWS}.at")
        row.wait_for()
        assert row.locator(".text").text_content() == "what the request printed"
        assert page.locator(f"{ROWS} b").all_text_contents().count("words") == 0
        assert page.get_by_role("button", name="Resume").is_visible()
        box, around = row.bounding_box(), page.locator("vh-logs .lines").bounding_box()
        assert around["y"] < box["y"] < around["y"] + around["height"]
        page.evaluate("location.hash = '#/logs?around=1000'")
        page.get_by_text("the lines of that moment are no longer kept").wait_for()


def test_it_fits_into_each_width_and_is_as_good_in_the_dark(run, chromium):
    say(run, "web", "short", "x" * 400, "two words " * 60, stderr="an error")
    for theme in THEMES:
        with watching(chromium, run, "logs", color_scheme=theme) as page:
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                page.get_by_text("short").wait_for()
                assert overflow(page) <= 0
                for name in ("Pause", "Copy"):
                    box = page.get_by_role("button", name=name).bounding_box()
                    assert box["x"] >= 0
                    assert box["x"] + box["width"] <= width
