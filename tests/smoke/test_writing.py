"""Recorded requests that become smoke tests, and are read as the same requests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exchanges import PREFIX, answered, exchange, sent
from vhlocal.errors import InputError, VhlocalError
from vhlocal.exchanges import Answer, Body, Request, whole
from vhlocal.recorder.showing import fit_to_show
from vhlocal.smoke.cases import FromFile
from vhlocal.smoke.heads import head
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
    assert "Authorization: Bearer {{authorization}}\nX-A: {{brace}}{{brace}}b}}\n" in made.text
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
        (exchange(Request("GET", f"{PREFIX}/", (("X-A", "caf\xe9"),))), "header X-A is not UTF-8"),
        (exchange(Request("GET", f"{PREFIX}/?a#b")), r"not send it as it was \(its URL\)"),
        (exchange(Request("GET", f"{PREFIX}/", (("#X", "1"),))), r"not send it as it was \(its headers\)"),
        (exchange(answer=Answer(999, (), whole(b""), PREFIX)), "`expect 999` is not an expectation"),
    ],
)
def test_what_makes_no_test_is_told(one, message):
    with pytest.raises(VhlocalError, match=message):
        smoke_test(one, "seven")


def sent_by(made: Written, **variables: str) -> Request:
    """What is sent by what was written, without its body."""
    defined = "".join(f"@{name} = {value}\n" for name, value in variables.items())
    file = read(defined + beginning(URL) + made.text, Path("a.http"))
    return head(file, file.cases[0], Target("predict", "dev", URL))


@pytest.mark.parametrize("value", ["{{b}}", "{{{b}}}", "}}{{", "{ {{x}} {", '{"a": {"b": 1}}', "größe"])
def test_a_header_is_sent_as_it_was(value):
    request = Request("GET", f"{PREFIX}/", (("X-A", value.encode().decode("latin-1")),))
    assert sent_by(smoke_test(exchange(request), "seven")).headers == (("X-A", value),)


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        ("/{{a}}?b={c}", "/%7B%7Ba%7D%7D?b=%7Bc%7D"),
        ("/gr\xc3\xb6\xe9", "/gr%C3%B6%E9"),
        ("?x=%7B%7B&y=1", "?x=%7B%7B&y=1"),
    ],
)
def test_a_url_is_written_as_editors_send_it_and_said_so_where_that_is_another(target, sent):
    made = smoke_test(exchange(Request("GET", f"{PREFIX}{target}")), "seven")
    assert sent_by(made).target == f"{PREFIX}{sent}"
    assert bool(made.notes) == (sent != target)
    assert all(f"# {note}\n" in made.text for note in made.notes)


def test_a_path_that_names_its_endpoint_in_another_way_is_within_it_all_the_same():
    target = f"{PREFIX.replace('acme', '%61cme')}/digit"
    assert sent_by(smoke_test(exchange(Request("GET", target)), "seven")).target == f"{PREFIX}/digit"


@pytest.mark.parametrize("as_it_comes", [lambda each: each, fit_to_show], ids=["whole", "masked before"])
def test_what_is_hidden_of_a_url_or_of_several_cookies_is_never_sent_as_stars(as_it_comes):
    request = Request("GET", f"{PREFIX}/?api_key=abc&x=1", (("Cookie", "a=1; b=2"), ("X-Api-Key", "k")))
    made = smoke_test(as_it_comes(exchange(request)), "seven")
    assert "*" not in made.text
    assert "abc" not in made.text
    assert "# cookie was hidden: write `@cookie = a=…; b=…` above\n" in made.text
    sent = sent_by(made, api_key="abc", x_api_key="k", cookie="a=1; b=2")
    assert (sent.target, sent.headers) == (request.target, request.headers)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"a": 1}\n{"a": 2}', "application/x-ndjson"),
        (b"a={b}", "application/x-www-form-urlencoded"),
        (b"a=b c", "application/x-www-form-urlencoded; charset=utf-8"),
    ],
)
def test_a_body_that_an_editor_would_change_is_in_a_file(content, kind):
    assert posted(content, kind).files == {"seven.bin": content}
    assert posted(b"a=%20b&c=1+2", "application/x-www-form-urlencoded").files == {}


def test_half_a_letter_is_not_expected():
    made = smoke_test(exchange(answer=answered({"a": "\ud800", "\udfff": 1, "b": 7}, prefix=PREFIX)), "seven")
    assert "# expect $.b == 7\n" in made.text
    assert made.text.encode().count(b"# expect $") == 1
