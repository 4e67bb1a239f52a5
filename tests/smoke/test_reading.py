"""How ``.http`` files are read: the core that both editors send, and what is named of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from vhlocal.errors import InputError
from vhlocal.smoke.cases import Field, FromFile, Line
from vhlocal.smoke.expecting import Equal, Status
from vhlocal.smoke.reading import read

FILES = Path(__file__).parent / "files"
URL = "http://127.0.0.1:9/acme/digits/local/dev/predict"


def file(name: str):
    return read((FILES / name).read_text(), FILES / name)


def test_a_file_of_rest_client_is_read_as_it_sends_it():
    found = file("rest_client.http")
    seven, health, moved, upload, form = found.cases
    assert (seven.name, seven.method, seven.place.line) == ("seven", "POST", 9)
    assert found.fill(9, seven.url.text, URL) == f"{URL}/digit?a=1&b=two&c=application/json"
    assert seven.fields == (Field(12, "Content-Type", "{{type}}"), Field(14, "Accept", "*/*"))
    assert [line.text for line in seven.body] == ["{", '  "x": [1, 2],', '  "name": "größe"', "}"]
    assert seven.expectations == (Status(200), Equal(("digit",), 7))
    assert (health.name, health.method, found.fill(1, health.url.text, URL)) == (
        "GET {{endpoint}}health",
        "GET",
        f"{URL}/health",
    )
    assert (health.redirects, moved.redirects) == (True, False)
    assert upload.line_end == "\r\n"
    assert [line for line in upload.body if isinstance(line, FromFile)] == [FromFile(46, "./body.bin")]
    assert upload.body[-1] == Line(47, "--x--")
    assert (form.line_end, [line.text for line in form.body]) == ("", ["name=ada", "&x=%20+1"])


def test_a_file_of_jetbrains_client_is_read_as_it_sends_it():
    found = file("jetbrains.http")
    health, digit, raw = found.cases
    assert (health.name, health.body, health.expectations) == ("GET request with a header", (), ())
    assert found.fill(2, health.url.text, URL) == f"{URL}/health"
    assert (digit.name, digit.redirects) == ("Send POST request with json body", False)
    assert found.fill(11, digit.body[0].text, URL) == '{"x": [1, 2]}'
    assert (raw.method, raw.body) == ("PUT", (FromFile(17, "body.bin"),))


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(ends, mark):
    text = mark + ends.join(["GET {{endpoint}}/a", "X: y", "", "body", "", ""])
    (case,) = read(text, Path("a.http")).cases
    assert (case.url.text, case.fields[0].value, case.body) == ("{{endpoint}}/a", "y", (Line(4, "body"),))


def test_variables_may_hold_others_and_the_endpoint():
    found = read("@api = {{endpoint}}/v1\n@all={{api}}/all\nGET {{all}}/x", Path("a.http"))
    assert found.fill(3, found.cases[0].url.text, URL) == f"{URL}/v1/all/x"


WRONG = [
    ("GET {{endpoint}}/{{nothing}}", 1, "{{nothing}} has no value here"),
    ("GET {{endpoint}}/\nX: {{later}}\n\n###\n@later = 1\nGET {{endpoint}}", 2, "{{later}} has no value here"),
    ("POST {{endpoint}}\n\n{{body}}", 3, "{{body}} has no value here"),
    ("@a = {{b}}\nGET {{endpoint}}", 1, "{{b}} has no value here"),
    ("GET {{endpoint}}?{{$guid}}", 1, "{{$guid}} is different for each request"),
    ("GET {{endpoint}}?t={{$timestamp}}", 1, "is different"),
    ("GET {{endpoint}}\nX: {{login.response.body.$.token}}", 2, "comes from another request's answer"),
    ("@a = 1\n@a = 2\nGET {{endpoint}}", 2, "@a has two values"),
    ("@a = 1\\n2\nGET {{endpoint}}", 1, "for an escape"),
    ("POST {{endpoint}}\n\n<@ ./a.json", 3, "a file in which REST Client fills in variables"),
    ("POST {{endpoint}}\n\n<@latin1 ./a.json", 3, "a file in which REST Client fills in variables"),
    ("GET {{endpoint}}\n\n> {% client.test() %}", 3, "a script of JetBrains' client"),
    ("GET {{endpoint}}\n> ./handler.js", 2, "a script of JetBrains' client"),
    ("< {% request.variables.set() %}\nGET {{endpoint}}", 1, "a script of JetBrains' client"),
    ("GET {{endpoint}}\n\n>> answer.json", 3, "write an answer to a file"),
    ("GET {{endpoint}}\n\n>>! answer.json", 3, "write an answer to a file"),
    ("GET {{endpoint}}\n\n<> 2026.200.json", 3, "a link to an answer"),
    ("GET {{endpoint}}\n\n?? status == 200", 3, "an assertion of httpYac"),
    ("POST {{endpoint}}\nX: y\n\n{}\n?? body a == 1", 5, "an assertion of httpYac"),
    ("GET {{endpoint}}\n\n{{\n  test.status(200)\n}}", 3, "a script of httpYac"),
    ("{{+after\n}}\nGET {{endpoint}}", 1, "a script of httpYac"),
    ("GET {{endpoint}}\n\nHTTP/1.1 200  - OK\nX: y", 3, "an answer that httpYac has written"),
    ("POST {{endpoint}}\nX-Request-Type: GraphQL\n\nquery { a }", 2, "REST Client's way to mark GraphQL"),
    ("GET {{endpoint}}\nAuthorization: Digest ada secret", 2, "Digest is worked out by an editor"),
    ("GET {{endpoint}}\nAuthorization: AWS id key region:eu", 2, "AWS is worked out by an editor"),
    ("GET {{endpoint}}\nAuthorization: Basic ada:secret", 2, "in one word are REST Client's"),
    ("GET {{endpoint}}\nX: {{$processEnv TOKEN}}", 2, "comes from where an editor runs"),
    ("GET {{endpoint}}\nX: {{$dotenv TOKEN}}", 2, "comes from where an editor runs"),
    ('GET {{endpoint}}\n# expect $.a == "{{b}}"', 2, "{{b}} has no value here"),
    ("@a = {{endpoint}}/x\nGET {{endpoint}}\n# expect header location: {{a}}", 3, "is another URL under each path"),
    ("# @prompt user\nGET {{endpoint}}", 1, "# @prompt is not known to both editors"),
    ("# @timeout 5\nGET {{endpoint}}", 1, "# @timeout is not known to both editors"),
    ("# @name = seven\nGET {{endpoint}}", 1, "# @name needs a name"),
    ("curl {{endpoint}}", 1, "only REST Client reads curl commands"),
    ("get {{endpoint}}", 1, "get is not a method"),
    ("GRAPHQL {{endpoint}}", 1, "GRAPHQL is not a method"),
    ("GET /acme/x\nHost: localhost", 1, "is not a request"),
    ("HTTP/1.1 200 OK", 1, "an answer that httpYac has written"),
    ("HTTP/1.1", 1, "is not a request"),
    ("GET {{endpoint}}/ HTTP/2", 1, "REST Client only speaks HTTP/1.1"),
    ("GET {{endpoint}}/\n  ?a=b c", 2, "there is a space in the URL"),
    ("GET {{endpoint}}/a b", 1, "there is a space in the URL"),
    ("GET {{endpoint}}\n?a=1", 2, "is not a header"),
    ("GET {{endpoint}}\n{}", 2, "is not a header"),
    ("GET {{endpoint}}\nX-A: 1\n  folded", 3, "is not a header"),
    ("POST {{endpoint}}\nContent-Type: multipart/form-data\n\n--x", 4, "names no boundary"),
    ("POST {{endpoint}}\nContent-Type: application/x-www-form-urlencoded\n\na=1\nb=2", 5, "a form's next line"),
    ("# expect 20\nGET {{endpoint}}", 1, "`expect 20` is not an expectation"),
    ("GET {{endpoint}}\n\n# expects 200", 3, "`expects 200` is not an expectation"),
    ("### expect 200\nGET {{endpoint}}", 1, "the text beside ### is a title"),
    ("# expect 200\n### x\nGET {{endpoint}}", 1, "there is an expectation here, but no request"),
    ("", None, "there is no request in this file"),
    ("# nothing\n###\n@a = 1\n", None, "there is no request in this file"),
]


@pytest.mark.parametrize(("text", "line", "message"), WRONG)
def test_what_is_not_of_the_common_core_is_named_with_its_line_and_a_remedy(text, line, message):
    with pytest.raises(InputError) as caught:
        read(text, Path("smoke/a.http"))
    assert message in caught.value.message
    assert (caught.value.place.file, caught.value.place.line) == (Path("smoke/a.http"), line)
    assert caught.value.hint


def test_a_user_and_a_password_are_sent_as_both_editors_send_them():
    words = "Authorization: Basic {{user}} s3:cret\n###\nGET {{endpoint}}\nAuthorization: {}"
    text = f"@user = ada\nGET {{{{endpoint}}}}\n{words}"
    for as_it_is in ("Basic YWRhOnMzOmNyZXQ=", "Bearer a:b", 'Digest username="a", realm="b"'):
        first, second = read(text.replace("{}", as_it_is), Path("a.http")).cases
        assert first.fields == (Field(3, "Authorization", "Basic YWRhOnMzOmNyZXQ="),)
        assert second.fields[0].value == as_it_is


def test_variables_are_filled_in_where_something_is_expected():
    text = '@digit = 7\n@kind = seven\nGET {{endpoint}}\n# expect $.digit == {{digit}}\n# expect $.kind == "{{ kind }}"'
    (case,) = read(text, Path("a.http")).cases
    assert case.expectations == (Equal(("digit",), 7), Equal(("kind",), "seven"))


def test_the_hint_for_a_lower_case_method_is_that_method():
    with pytest.raises(InputError) as caught:
        read("post {{endpoint}}", Path("a.http"))
    assert caught.value.hint == "write POST"
