"""Projects of many endpoints, one for each case of a framework: they share an environment and a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: How an endpoint is served; ``{name}`` is its module.
WSGI = "wsgi: {name}:app"
UVICORN = "server-command: ~/.local/bin/uvicorn {name}:app --host 0.0.0.0 --port $VALOHAI_PORT"
SCRIPT = "server-command: python {name}.py"
GUNICORN = "server-command: ~/.local/bin/gunicorn --bind 0.0.0.0:$VALOHAI_PORT {name}:app"
WAITRESS = "server-command: ~/.local/bin/waitress-serve --port=$VALOHAI_PORT {name}:app"


class Asked(TypedDict, total=False):
    """What several cases have in common of their request."""

    method: str
    path: str
    body: str


@dataclass(frozen=True)
class Case:
    """One endpoint: its module's ``code``, how it is served, and a request that a client sends.

    ``found`` is the finding that it has to have, "" for a sound one, and ``caveat`` what is told beside `ready`.
    ``files`` are further ones. ``by_hand`` tells that its finding shows no lines to paste, ``alone`` that its framework
    has one prefix: mended as the finding says, it answers under the version alone.
    """

    name: str
    code: str
    served: str = WSGI
    found: str = ""
    caveat: str = ""
    method: str = "POST"
    path: str = "/predict"
    files: tuple[tuple[str, str], ...] = ()
    body: str = ""
    alone: bool = False
    by_hand: bool = False


def project_of(cases: Sequence[Case], requirements: str) -> Mapping[str, str]:
    """Return the files of a project that has an endpoint for each case."""
    yaml = ""
    files = {"requirements.txt": requirements}
    for number, case in enumerate(cases):
        served = case.served.format(name=case.name)
        yaml += f"- endpoint:\n    name: {case.name.replace('_', '-')}\n    image: python:3.11-slim\n"
        yaml += f"    port: {18100 + number}\n    {served}\n"
        files |= {f"{case.name}.py": case.code, **dict(case.files)}
    return {"valohai.yaml": yaml, **files}
