"""What a body is taken for, and so by what it is compared."""

from __future__ import annotations

import gzip
import zlib

import pytest

from tests.exchanges import sent
from vhlocal.comparison import bodies
from vhlocal.comparison.bodies import BEYOND, BYTES, JSON, TEXT, TWICE, Read, content_type, read
from vhlocal.comparison.differences import differences
from vhlocal.comparison.paths import parse
from vhlocal.comparison.rules import Rules
from vhlocal.exchanges import Answer, whole

LINES = "application/x-ndjson"


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("text/html", b'  {"p": 1}', Read(JSON, {"p": 1})),
        ("text/html", b"[1]", Read(JSON, [1])),
        ("text/html", b"1", Read(TEXT, "1")),
        ("application/problem+json", b"1", Read(JSON, 1)),
        ("application/json", b"1", Read(JSON, 1)),
        ("application/json", b'{"a": 1, "a": "\xed\xa0\x80"}', Read(TWICE, '{"a": 1, "a": "\ud800"}')),
        ("application/json", b"[1e400]", Read(BEYOND, "[1e400]")),
        ("application/json", b"[-12E+308, 1]", Read(BEYOND, "[-12E+308, 1]")),
        ("application/json", b"1" + b"0" * 400 + b".5", Read(BEYOND, "1" + "0" * 400 + ".5")),
        ("application/json", b"1" + b"0" * 400, Read(JSON, 10**400)),
        ("application/json", b'[1e308, 1e-400, "1e400"]', Read(JSON, [1e308, 0.0, "1e400"])),
        ("application/json", b"[Infinity]", Read(JSON, [float("inf")])),
        ("application/json; charset=latin-1", b'["\xe4"]', Read(JSON, ["ä"])),
        ("application/json; charset=no-such", b'["\xe4"]', Read(BYTES, b'["\xe4"]')),
        (LINES, b"1\n\n2\n", Read(JSON, [1, 2])),
        (LINES, b"1\nbroken", Read(TEXT, "1\nbroken")),
        (LINES, b'1\n{"a": 1, "a": 2}', Read(TEXT, '1\n{"a": 1, "a": 2}')),
        (LINES, b"", Read(TEXT, "")),
        ("text/plain", b"\xe4", Read(BYTES, b"\xe4")),
        ("text/plain", b"a\0", Read(BYTES, b"a\0")),
        ('text/plain; charset="latin-1"', b"\xe4", Read(TEXT, "ä")),
        ("text/plain; charset=no-such", b"a", Read(BYTES, b"a")),
    ],
)
def test_a_body_is_what_it_can_be_read_as(kind, content, expected):
    assert read(sent(content, kind)) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("Text/HTML", ("text/html", "utf-8")),
        ("text/html ; q=1; Charset = X-User", ("text/html", "x-user")),
        ('text/html;charset="UTF-8"', ("text/html", "utf-8")),
        ("text/html; charset=a=b", ("text/html", "a=b")),
        ("text/html; charset=a; charset=b", ("text/html", "a")),
        ("", ("", "utf-8")),
    ],
)
def test_a_media_type_and_its_charset_are_read_in_any_case(told, expected):
    """RFC 9110, section 8.3."""
    assert content_type(sent(b"", told)) == expected


def test_what_has_no_type_has_neither_type_nor_charset_of_its_own():
    assert content_type(Answer(200, (), whole(b"a"))) == ("", "utf-8")


@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("X-Gzip ", gzip.compress), ("deflate", zlib.compress)]
)
def test_each_coding_is_looked_through(coding, compress):
    assert read(sent(compress(b"plain"), "text/plain", content_encoding=coding)) == Read(TEXT, "plain")


def test_codings_upon_each_other_and_parts_of_gzip_are_looked_through():
    plain = Read(TEXT, "plain")
    parts = gzip.compress(b"pl") + gzip.compress(b"ain")
    assert read(sent(parts, "text/plain", content_encoding="gzip")) == plain
    twice = zlib.compress(gzip.compress(b"plain"))
    assert read(sent(twice, "text/plain", content_encoding="gzip, identity,deflate")) == plain
    assert read(sent(twice, "text/plain", content_encoding="gzip, br")) == Read(BYTES, twice)
    cut = parts[:-1]
    assert read(sent(cut, "text/plain", content_encoding="gzip")) == Read(BYTES, cut)


@pytest.mark.parametrize(("one", "other"), [("1e400", "2e400"), ("1e400", "Infinity"), ("[1e400]", "[-1e400]")])
def test_numbers_beyond_any_float_are_told_apart(one, other):
    assert differences(sent(one.encode(), "application/json"), sent(other.encode(), "application/json"))


def test_a_deflated_body_without_a_head_is_looked_through():
    """Browsers take both, RFC 9110's and the one that some servers send."""
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packing.compress(b"plain") + packing.flush()
    assert read(sent(packed, "text/plain", content_encoding="deflate")) == Read(TEXT, "plain")


@pytest.mark.parametrize("levels", [199, 200, 900, 200_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_what_is_nested_too_deep_to_be_sorted_is_a_text(levels, opening, closing):
    kind, _ = read(sent(opening * levels + b"[]" + closing * levels, "application/json"))
    assert kind == (JSON if levels < 200 else TEXT)


def test_sets_that_are_nested_as_deep_as_json_may_be_are_sorted():
    one, other = (sent(b"[" * 200 + digit + b"]" * 200, "application/json") for digit in (b"1", b"2"))
    assert read(one).kind == JSON
    wide = sent(b"[" + b",".join([b"[" * 100 + b"]" * 100] * 5) + b"]", "application/json")
    assert read(wide).kind == JSON
    assert differences(one, other, Rules(sets=(parse("$"),)))


def test_a_body_that_grows_beyond_what_is_looked_into_stays_as_it_came(monkeypatch):
    monkeypatch.setattr(bodies, "_MOST", 5)
    five, six = (gzip.compress(content) for content in (b"plain", b"plains"))
    assert read(sent(five, "text/plain", content_encoding="gzip")) == Read(TEXT, "plain")
    assert read(sent(six, "text/plain", content_encoding="gzip")) == Read(BYTES, six)
