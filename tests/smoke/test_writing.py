"""Recorded requests that become smoke tests, and are read as the same requests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exchanges import PREFIX, answered, exchange, sent
from vhlocal.errors import InputError, VhlocalError
from vhlocal.exchanges import Answer, Body, Request, whole
from vhlocal.smoke.cases import FromFile
from vhlocal.smoke.reading import read
from vhlocal.smoke.results import Target, judged
from vhlocal.smoke.writing import Written, beginning, smoke_test

URL = f"http://127.0.0.1:8000{PREFIX}"


def body_of(made: Written) -> bytes:
    """The body that is sent by what was written."""
    (case,) = read(beginning(URL) + made.text, Path("a.http")).cases
    parts = [made.files[line.path[2:]] if isinstance(line, FromFile) else line.text.encode() for line in case.body]
    return case.line_end.encode().join(parts)


def posted(content: bytes, kind: str = "application/json") -> Written:
    return smoke_test(exchange(Request("POST", f"{PREFIX}/digit", (("Content-Type", kind),), whole(content))), "seven")


def test_a_request_and_its_answer_are_written_as_a_test():
    made = smoke_test(exchange(), "seven")
    assert made == Written(
        "### POST /digit\n"
        "# expect 200\n"
        "# expect header content-type: application/json\n"
        "# expect $.digit == 7\n"
        "# expect $.probability ~ 0.998\n"
        "POST {{endpoint}}/digit?a=1\n"
        "Content-Type: application/json\n"
        "\n"
        '{"x": 1}\n',
        {},
    )


ANSWERS = [
    answered({"digit": 7, "p": [0.1, {"b": None}], "name": "größe", "yes": True, "long": "x" * 100}, prefix=PREFIX),
    answered([], prefix=PREFIX),
    answered("text", prefix=PREFIX),
    answered(float("nan"), prefix=PREFIX),
    answered({"odd name": {"a == b": 1}}, prefix=PREFIX),
    answered({"template": "{{name}}", "{{b}}": 1, "digit": 7}, prefix=PREFIX),
    answered([*range(100)], status=404, prefix=PREFIX),
    sent(b"<h1>", "text/html; charset=utf-8", prefix=PREFIX),
    sent(b"\x89PNG", "image/png", prefix=PREFIX),
    Answer(204, (), whole(b""), PREFIX),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_what_was_answered_is_what_is_expected(answer):
    (case,) = read(smoke_test(exchange(answer=answer), "seven").text, Path("a.http")).cases
    assert 1 <= len(case.expectations) <= 12
    assert judged(case, Target("predict", "dev", URL), answer, 0.1).failures == ()
    other = answered({"digit": 8}, status=500)
    assert judged(case, Target("predict", "dev", URL), other, 0.1).failures != ()


BODIES = [
    b'{"x": [1, 2]}',
    b'{\n  "x": 1\n}',
    b'{"x": 1}\n',
    b"# a comment to editors\n{}",
    b"a\n### b",
    b"{{x}}",
    b"< file",
    b"> {% x %}",
    b"\n\nlines before",
    b"a\r\nb",
    b"\0\xff",
    "größe".encode(),
]


@pytest.mark.parametrize("content", BODIES, ids=range(len(BODIES)))
def test_a_body_is_sent_as_it_was_from_the_text_or_from_a_file(content):
    assert body_of(posted(content)) == content


def test_only_what_the_text_cannot_hold_is_in_a_file():
    assert posted(b'{"x": 1}').files == {}
    assert posted(b"\0\xff").files == {"seven.bin": b"\0\xff"}


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text("ab#/<>{}@ \n\r", max_size=30).map(str.encode)))
def test_any_body_is_sent_as_it_was(content):
    assert body_of(posted(content, "text/plain")) == content


def test_of_a_multipart_body_files_are_files_and_fields_are_text():
    content = (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n'
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="p"\r\nContent-Type: image/png\r\n'
        b"\r\n\x89PNG\r\n\0\r\n"
        b"--x--\r\n"
    )
    made = posted(content, "multipart/form-data; boundary=x")
    assert made.files == {"seven-1.bin": b"\x89PNG\r\n\0"}
    assert "\nvalue\n--x\n" in made.text
    assert body_of(made) == content.removesuffix(b"\r\n")


def test_what_somebody_is_known_by_has_to_be_given_a_value():
    headers = (("Authorization", "Bearer secret"), ("User-Agent", "x"), ("Sec-Fetch-Mode", "cors"), ("X-A", "{{b}}"))
    made = smoke_test(exchange(Request("GET", f"{PREFIX}/", headers)), "seven")
    assert "secret" not in made.text
    assert "Authorization: Bearer {{authorization}}\nX-A: %7B%7Bb}}\n" in made.text
    assert "User-Agent" not in made.text
    with pytest.raises(InputError, match=r"\{\{authorization\}\} has no value here") as caught:
        read(made.text, Path("a.http"))
    assert caught.value.hint == "write `@authorization = …` above its first use"
    assert len(read("@authorization = t\n" + made.text, Path("a.http")).cases) == 1


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (exchange(Request("POST", PREFIX, (), Body(None, 9, "", "longer than 1 byte"))), "was not kept"),
        (exchange(answer=Answer(200, (), whole(b""), PREFIX, "it broke off")), "was not whole: it broke off"),
        (exchange(Request("PURGE", PREFIX)), "editors send no PURGE"),
    ],
)
def test_what_makes_no_test_is_told(one, message):
    with pytest.raises(VhlocalError, match=message):
        smoke_test(one, "seven")
