"""What a case of a ``.http`` file is sent with before its body: method, target and headers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from vhlocal.errors import InputError
from vhlocal.exchanges import Request

if TYPE_CHECKING:
    from vhlocal.smoke.cases import Case, HttpFile
    from vhlocal.smoke.results import Target

#: What a URL is made of, besides letters and digits; all else is percent-encoded, as both editors do.
OF_A_URL = "%/:=&?~#+!$,;'@()*[]-._|"


def head(file: HttpFile, case: Case, target: Target) -> Request:
    """Return a request without its body. Raises InputError for one that leads out of the endpoint."""
    url = target.url
    filled = file.fill(case.url.number, case.url.text, url)
    there, base = urlsplit(quote(filled, safe=OF_A_URL)), urlsplit(url)
    if (there.scheme, there.netloc) != (base.scheme, base.netloc) or not is_within(there.path, base.path):
        raise InputError(
            f"the request goes to {filled}, which is not in the endpoint",
            place=case.place,
            hint="begin its URL with {{endpoint}}, which is filled in for each endpoint and each of its paths",
        )
    fields = ((field.name, file.fill(field.number, field.value, url)) for field in case.fields)
    headers = tuple((name, value) for name, value in fields if name.lower() != "content-length")
    named = {name.lower() for name, _ in headers}
    headers += tuple(header for header in target.headers if header[0].lower() not in named)
    return Request(case.method, there.path + (f"?{there.query}" if there.query else ""), headers)


def is_within(path: str, prefix: str) -> bool:
    """Tell whether a path is an endpoint's own one or below it, for browsers and editors too, which resolve `..`."""
    steps: list[str] = []
    for step in path.replace("%2e", ".").replace("%2E", ".").split("/"):
        if step == "..":
            del steps[-1:]
        elif step != ".":
            steps.append(step)
    path = "/".join(steps)
    return path == prefix or path.startswith(f"{prefix.rstrip('/')}/")
