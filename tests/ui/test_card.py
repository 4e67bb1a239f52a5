"""What a start ends on, on a terminal of 80 columns."""

from __future__ import annotations

import shlex
from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console

from tests.served import at
from vhlocal.events import Ready
from vhlocal.model import Call, Offer, Place, State, Status
from vhlocal.ui.card import curl, show_card

BASE = "http://127.0.0.1:8080"
DEV = f"{BASE}/acme/words/local/dev"
PAGE = "http://127.0.0.1:21000/"
SHARED = "http://192.0.2.7:8080"


def status(name: str, state: State = State.READY, **more) -> Status:
    names = ("20261125.0", "dev", "staging")
    return Status(at(name), state, urls=tuple(f"{BASE}/acme/words/local/{each}/{name}" for each in names), **more)


def shown(*statuses: Status, offers=None, shared: str = "", look: str = "", reloads: bool = True) -> str:
    output = StringIO()
    console = Console(file=output, width=80, soft_wrap=True, highlight=False)
    show_card(console, Ready(BASE, statuses, 1.94, offers or {}, f"{PAGE}#key=k", shared, look), reloads=reloads)
    return output.getvalue()


CALL = Call("POST", "/predict", '{"text": "it\'s"}', "application/json")


def test_a_card_has_the_dev_url_first_then_docs_a_curl_and_the_page():
    said = shown(status("words"), offers={at("words"): Offer(f"{DEV}/words", "/docs", CALL)})
    assert said.splitlines() == [
        "",
        f"words  {DEV}/words",
        f"  docs  {DEV}/words/docs",
        f"  try   curl {DEV}/words/predict \\",
        "          -H 'Content-Type: application/json' -d '{\"text\": \"it'\"'\"'s\"}'",
        "",
        "also as: staging, 20261125.0 (in place of dev in each URL)",
        f"page: {PAGE}#key=k",
        "ready: in 1.9 s",
    ]
    assert max(map(len, said.splitlines())) <= 80


def test_p3_other_names_are_told_of_the_version_that_has_them():
    """P3, K10: of each URL where there is one version, of its own where there are several, of none without an alias."""
    old = replace(status("words"), at=replace(at("words"), version="old", name="words@old"), urls=())
    assert "also as: staging, 20261125.0 (in place of dev in its URLs)" in shown(status("words"), old)
    moved = replace(status("words"), urls=status("words").urls[:1])
    assert "also as" not in shown(moved)
    assert "also as" not in shown(moved, old)


def test_what_ready_does_not_say_stands_below_the_url_also_where_there_are_many():
    caveat = "answers at POST …/predict, …/health, …/metrics and 4 more, but 404 at its URL"
    said = shown(status("words", caveat=caveat), offers={at("words"): Offer(f"{DEV}/words", "", CALL)}).splitlines()
    assert said[1:4] == [
        f"words  {DEV}/words",
        "  note  ready, answers at POST …/predict, …/health, …/metrics and 4 more, but",
        "        404 at its URL",
    ]
    assert max(map(len, said)) <= 80
    many = shown(*(status(name, caveat="but answers 404 below its prefix") for name in "abcde"))
    assert many.count("  note  ready, but answers 404 below its prefix\n") == 5


def test_with_a_host_it_has_addresses_that_others_can_open():
    said = shown(status("words"), offers={at("words"): Offer(f"{DEV}/words")}, shared=SHARED, look=f"{SHARED}/?key=l")
    assert "words  http://192.0.2.7:8080/acme/words/local/dev/words\n" in said
    assert f"from other machines: {SHARED}/?key=l\npage: {PAGE}#key=k\n" in said
    assert f"on this machine: {BASE} (in place of http://192.0.2.7:8080)\n" in said


def test_what_fails_is_sorted_by_what_to_do_next_and_told_once_for_all_that_it_is_about():
    place = Place(Path.cwd() / "app.py", 3)
    told = {"reason": "no module named nowhere " + 8 * "and so on ", "hint": "add it", "place": place}
    said = shown(
        status("imageless", State.CRASHED, reason="the image cannot be pulled", hint="check the name"),
        status("a", State.CRASHED, **told),
        status("good"),
        status("b", State.CRASHED, **told),
    )
    lines = said.splitlines()
    assert lines.index("a, b  not serving") < lines.index("imageless  not serving")
    assert "  next  fix app.py:3, then save" in lines
    assert "  next  check the name" in lines
    assert said.count("nowhere") == 1
    assert lines[-1] == "ready: 1 of 4 endpoints in 1.9 s"
    assert max(map(len, lines)) <= 80
    assert "fix app.py:3, then start again" in shown(status("a", State.CRASHED, **told), reloads=False)


def test_many_endpoints_get_a_line_each():
    said = shown(*map(status, "abcde"), offers={at("a"): Offer(f"{DEV}/a", "/docs", CALL)})
    assert said.count("\n") == 9
    assert "curl" not in said


def test_a_curl_is_one_that_a_shell_reads_back():
    url = "http://127.0.0.1:8080/a/b/local/dev/c"
    for call, width in ((CALL, 30), (CALL, 300), (Call("GET", "/x?a=1&b=2"), 80), (Call("POST", "/x"), 80)):
        words = shlex.split("\n".join(curl(url, call, width)).replace("\\\n", ""))
        assert words[:2] == ["curl", url + call.target]
        assert (("-d" in words), ("-X" in words)) == (bool(call.body), call == Call("POST", "/x"))
    file = Call("PUT", "/x", file=Path.cwd() / "a b.json")
    assert shlex.split(curl(url, file, 200)[0]) == ["curl", f"{url}/x", "-X", "PUT", "--data-binary", "@a b.json"]


def test_k3_replicas_are_one_endpoint_and_one_that_is_down_is_told():
    """K3: each URL once; the others serve."""
    names = [replace(at("words", number), name=f"words/{number}") for number in (1, 2, 3)]
    known = [replace(status("words"), at=name) for name in names]
    said = shown(*known)
    assert said.count(f"{DEV}/words") == 1
    assert "words (3 replicas)" in said
    assert "ready: in" in said
    down = replace(known[1], state=State.CRASHED, reason="it ended with 3", hint="look at its log")
    said = shown(known[0], down, known[2])
    assert "words (2 of 3 replicas)" in said
    assert "words/2  not serving" in said
