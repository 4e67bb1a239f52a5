"""VH402: the app works under its version and not under an alias (P3, P7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.prefix.settings import AIOHTTP, DASH, GRADIO, OWN_WAYS
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.prefix.evidence import Evidence
    from vhlocal.findings import Finding

DEFINITION = Definition(
    code="VH402",
    title="The app knows the version's prefix, but not an alias's",
    severity=Severity.ERROR,
    why="The same endpoint is served under its version and under each alias. `SCRIPT_NAME` and `VH_DEFAULT_PREFIX` are "
    "set once, to the version's prefix. A request under an alias has another prefix, which is in its `X-VH-Prefix` "
    "header, and an app that only reads the variables answers 404.",
    remedy={
        "": "Read the prefix from the request's `X-VH-Prefix` header, and from the environment only if there is no "
        "such header.",
        "Flask": "Write `wsgi: server:app`, without a middleware for the prefix.",
        "Django": "Write `wsgi: mysite.wsgi`, without `FORCE_SCRIPT_NAME`.",
        "FastAPI": "Write `wsgi: server:app`, without `root_path`; or set it for each request in a middleware.",
        "WSGI": 'Use `environ.get("HTTP_X_VH_PREFIX") or os.environ["VH_DEFAULT_PREFIX"].rstrip("/")`.',
        "BentoML": "Nothing to change if clients use the version's URL: `path_prefix` is one path, and no alias has "
        "it.",
        "Dash": f"Nothing to change if clients use the version's URL: a Dash app has one prefix. {DASH}",
        "Gradio": f"Nothing to change if clients use the version's URL. Otherwise: {GRADIO}",
        "aiohttp": f"Nothing to change if clients use the version's URL. Otherwise: {AIOHTTP}",
        "LitServe": "Nothing to change if clients use the version's URL: `api_path` is one path, and no alias has it.",
        "Streamlit": "Nothing to change if clients use the version's URL: `--server.baseUrlPath` is one path, and no "
        "alias has it.",
    },
    example=Example(
        "python",
        'app = FastAPI(root_path=os.environ["SCRIPT_NAME"])  # under Uvicorn, by server-command',
        "app = FastAPI()  # with `wsgi: server:app`",
    ),
    rows=("P3", "P5", "P6", "P7"),
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield a path that is there under the version, where all is missing under the alias."""
    case = evidence.case
    for path in evidence.paths:
        under_version, under_alias = evidence.under(case.version, path), evidence.under(case.alias, path)
        if under_version is None or under_alias is None:
            continue
        answers = evidence.is_found(case.version, path) or (under_version.status < 400 <= under_alias.status)
        if answers and evidence.is_lost(case.alias, path) and evidence.is_lost(case.alias, "/"):
            yield evidence.finding(
                DEFINITION,
                evidence.code.app,
                f"it answers at `{case.version}{path}`, but {under_alias.status} under the alias, at "
                f"`{case.alias}{path}`",
                "let clients use the version's URL, or let the app answer under both"
                if evidence.code.framework in OWN_WAYS
                else "read each request's prefix from its `X-VH-Prefix` header",
                f"but answers {under_alias.status} under aliases",
                () if evidence.code.framework in OWN_WAYS else evidence.code.fixes.per_request,
            )
            return


RULE = Rule((DEFINITION,), find)
