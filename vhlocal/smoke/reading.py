"""Reads ``.http`` files: the core that VS Code's REST Client and JetBrains' HTTP Client both send.

https://github.com/Huachao/vscode-restclient and https://github.com/JetBrains/http-request-in-editor-spec. Both leave
comment lines out wherever they stand, so expectations may stand before a request, in it and after it. What only one of
the two knows is named with its line: it would be sent here as no editor sends it, or as one of them does.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.smoke.cases import ENDPOINT, Case, Field, FromFile, HttpFile, Line, fill, fill_known, names_in, undefined
from vhlocal.smoke.expecting import FORMS, Expectation, UnreadableError, expectation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

_COMMENT = re.compile(r"\s*(?:#+|//+)(.*)")
_MARK = re.compile(r"@(?P<word>[\w-]+)(?P<value>.*)")
_DEFINITION = re.compile(r"\s*@(?P<name>[^\s=]+)\s*=\s*(?P<value>.*?)\s*")
_REQUEST = re.compile(r"(?:(?P<method>[A-Za-z]+)\s+)?(?P<url>\S.*)")
_HTTP_1 = re.compile(r"\s+HTTP/1\.[01]$")
_QUERY = re.compile(r"\s+[?&]")
_FIELD = re.compile(r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(?P<value>.*?)\s*")

#: Lines that only one of the editors knows: what they are, and what to do instead.
_OF_ONE_EDITOR = (
    (
        re.compile(r"\s*[<>]\s*\{%"),
        "a script of JetBrains' client",
        "write the expectation as a comment: # expect $.digit == 7",
    ),
    (re.compile(r">>!?\s"), "JetBrains' syntax to write an answer to a file", "leave it out"),
    (re.compile(r">\s"), "a script of JetBrains' client", "write the expectation as a comment: # expect $.digit == 7"),
    (re.compile(r"<>\s"), "a link to an answer that JetBrains' client has kept", "leave it out"),
    (re.compile(r"\?\?\s"), "an assertion of httpYac", "expect something by a comment: # expect $.digit == 7"),
    (re.compile(r"\{\{[+@]?\w*\s*$"), "a script of httpYac", "expect something by a comment: # expect $.digit == 7"),
    (re.compile(r"HTTP/\d(?:\.\d)?\s+\d{3}\b"), "an answer that httpYac has written here", "leave it out"),
    (re.compile(r"<@"), "a file in which REST Client fills in variables", "use `< file`, or write the body here"),
)
_KNOWN_MARKS = ("name", "no-redirect", "no-cookie-jar")


def read(text: str, path: Path) -> HttpFile:
    """Read a file's text. Raises InputError, with the line, for what is not of the common core, and for no request."""
    reader = _Reader(path)
    for number, line in enumerate(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"), 1):
        reader.take(Line(number, line))
    reader.end_block()
    if not reader.cases:
        raise InputError(
            "there is no request in this file", place=Place(path), hint="write one: POST {{endpoint}}/predict"
        )
    return HttpFile(path, tuple(reader.cases), reader.variables)


class _Reader:
    """Reads line by line: each block, between two ``###``, has at most one request."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.cases: list[Case] = []
        self.variables: dict[str, str] = {}
        self._begin_block("")

    def take(self, line: Line) -> None:
        """Take the next line."""
        if line.text.startswith("###"):
            self.end_block()
            self._begin_block(self._title(line))
        elif comment := _COMMENT.fullmatch(line.text):
            self._comment(line.number, comment[1].strip())
        else:
            for pattern, what, hint in _OF_ONE_EDITOR:
                if pattern.match(line.text):
                    raise self._wrong(line.number, f"this is {what}; other editors would send it as text", hint)
            self._state(line)

    def end_block(self) -> None:
        """Make a case of what was read since the last ``###``."""
        if self._url is None:
            if self._expectations:
                raise self._wrong(self._expected_at, "there is an expectation here, but no request", "write one below")
            return
        while self._body and isinstance(last := self._body[-1], Line) and not last.text.strip():
            self._body.pop()
        self.cases.append(
            Case(
                name=self._name or f"{self._method} {self._url.text}",
                place=Place(self._path, self._url.number),
                method=self._method,
                url=self._url,
                fields=tuple(self._fields),
                body=tuple(self._body),
                line_end=self._line_end(),
                expectations=tuple(self._expectations),
                redirects=self._redirects,
            )
        )

    def _begin_block(self, name: str) -> None:
        self._state = self._before
        self._name = name
        self._method = "GET"
        self._url: Line | None = None
        self._fields: list[Field] = []
        self._body: list[Line | FromFile] = []
        self._expectations: list[Expectation] = []
        self._expected_at = 0
        self._redirects = True

    def _title(self, line: Line) -> str:
        title = line.text.strip("# \t")
        if self._expectation(line.number, title) is not None:
            raise self._wrong(line.number, "the text beside ### is a title", f"write `# {title}` in a line of its own")
        return title

    def _comment(self, number: int, text: str) -> None:
        if mark := _MARK.match(text):
            self._mark(number, mark["word"], mark["value"].strip())
            return
        found = self._expectation(number, text)
        if found is not None:
            self._expectations.append(found)
            self._expected_at = number

    def _expectation(self, number: int, text: str) -> Expectation | None:
        try:
            found = expectation(fill_known(text, self.variables))
            if found is not None:
                self._check_names(Line(number, text))
                if ENDPOINT in names_in(fill_known(text, self.variables)):
                    raise UnreadableError(f"{{{{{ENDPOINT}}}}} is another URL under each path")
            return found
        except UnreadableError as error:
            raise self._wrong(number, str(error), f"write one of: {FORMS}") from error

    def _mark(self, number: int, word: str, value: str) -> None:
        if word not in _KNOWN_MARKS:
            known = ", ".join(f"@{name}" for name in _KNOWN_MARKS)
            raise self._wrong(number, f"# @{word} is not known to both editors", f"leave it out; they know {known}")
        if word == "name":
            if not value or value.startswith("="):
                raise self._wrong(number, "# @name needs a name that both editors can read", "write `# @name seven`")
            self._name = value
        elif word == "no-redirect":
            self._redirects = False

    def _before(self, line: Line) -> None:
        if not line.text.strip():
            return
        if definition := _DEFINITION.fullmatch(line.text):
            self._define(line.number, definition["name"], definition["value"])
        else:
            self._request(line)
            self._state = self._in_url

    def _define(self, number: int, name: str, value: str) -> None:
        if "\\" in value:
            raise self._wrong(
                number, f"only REST Client takes the \\ in @{name} for an escape", "write a value without \\"
            )
        self._check_names(Line(number, value))
        # As JetBrains' client does, which knows what stands above; {{endpoint}} is known when it is sent.
        value = fill(value, {**self.variables, ENDPOINT: f"{{{{{ENDPOINT}}}}}"}, Place(self._path, number))
        if self.variables.get(name, value) != value:
            raise self._wrong(
                number,
                f"@{name} has two values in this file, and the editors choose differently",
                "use two names",
            )
        self.variables[name] = value

    def _request(self, line: Line) -> None:
        text = line.text.strip()
        found = _REQUEST.fullmatch(text)
        method, url = (found["method"], found["url"]) if found else (None, "")
        if method is not None and method not in METHODS:
            upper = method.upper()
            if upper == "CURL":
                raise self._wrong(line.number, "only REST Client reads curl commands", "write POST {{endpoint}}/…")
            hint = f"write {upper}" if upper in METHODS else f"use one of {', '.join(METHODS)}"
            raise self._wrong(line.number, f"{method} is not a method that both editors send", hint)
        if not url.startswith("{{") and "://" not in url:
            raise self._wrong(line.number, f"`{text}` is not a request", "write METHOD {{endpoint}}/path")
        self._method = method or "GET"
        self._url = Line(line.number, self._part_of_url(Line(line.number, url)))

    def _in_url(self, line: Line) -> None:
        if self._url is not None and _QUERY.match(line.text):
            self._url = Line(self._url.number, self._url.text + self._part_of_url(line))
        else:
            self._state = self._in_fields
            self._in_fields(line)

    def _part_of_url(self, line: Line) -> str:
        self._check_names(line)
        part = _HTTP_1.sub("", line.text.strip())
        if re.search(r"\sHTTP/", part):
            raise self._wrong(line.number, "REST Client only speaks HTTP/1.1", "leave the version out")
        if re.search(r"\s", re.sub(r"\{\{.*?\}\}", "", part)):
            raise self._wrong(line.number, "there is a space in the URL", "write %20 instead")
        return part

    def _in_fields(self, line: Line) -> None:
        if not line.text.strip():
            self._state = self._in_body
            return
        found = _FIELD.fullmatch(line.text)
        if found is None:
            hint = "write Name: value, all in one line; a body begins below an empty line"
            raise self._wrong(line.number, f"`{line.text.strip()}` is not a header", hint)
        self._check_names(line)
        self._fields.append(Field(line.number, found["name"], self._value(line.number, found["name"], found["value"])))

    def _value(self, number: int, name: str, value: str) -> str:
        """Return a header's value as both editors send it."""
        if name.lower() == "x-request-type":
            raise self._wrong(number, "this is REST Client's way to mark GraphQL", "write the body as JSON")
        if name.lower() != "authorization":
            return value
        filled = fill(value, {**self.variables, ENDPOINT: ENDPOINT}, Place(self._path, number))
        scheme, *words = filled.split()
        match scheme.lower(), words:
            case "basic", [user, password]:
                return f"{scheme} {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
            case "basic", [word] if ":" in word:
                what, hint = "a user and a password in one word are REST Client's", "write Basic USER PASSWORD"
            case (("digest" | "aws"), [_, _, *_]) if "=" not in filled:
                what, hint = f"{scheme} is worked out by an editor", "write the header as it is sent"
            case _:
                return value
        raise self._wrong(number, what, hint)

    def _in_body(self, line: Line) -> None:
        self._check_names(line)
        if re.match(r"<\s+\S", line.text):
            path = fill(line.text[1:].strip(), self.variables, Place(self._path, line.number))
            self._body.append(FromFile(line.number, path))
        else:
            self._body.append(line)

    def _line_end(self) -> str:
        kind = next((field.value for field in self._fields if field.name.lower() == "content-type"), "").lower()
        if kind.startswith("multipart/"):
            if "boundary=" not in kind and self._body:
                raise self._wrong(
                    self._body[0].number, "the Content-Type names no boundary", "write multipart/form-data; boundary=x"
                )
            return "\r\n"
        if kind.startswith("application/x-www-form-urlencoded"):
            for line in self._body[1:]:
                if isinstance(line, Line) and not line.text.startswith("&"):
                    raise self._wrong(
                        line.number,
                        "both editors read a form's next line the same way only if it begins with &",
                        "begin it with &",
                    )
            return ""
        return "\n"

    def _check_names(self, line: Line) -> None:
        for name in self._unknown(line.text):
            raise undefined(name, Place(self._path, line.number))

    def _unknown(self, text: str) -> Iterator[str]:
        return (name for name in names_in(text) if name not in self.variables and name != ENDPOINT)

    def _wrong(self, number: int, message: str, hint: str) -> InputError:
        return InputError(message, place=Place(self._path, number), hint=hint)
