"""Every HTML page there is, from the package's templates. The one owner of Jinja2, which only pages need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from vhlocal.visible import visible

_PACKAGE = Path(__file__).parent.parent


def render(template: str, **facts: Any) -> str:
    """Return a page; what is in ``facts`` is text, whatever it holds, and may be read on a terminal too."""
    return _ENVIRONMENT.get_template(template).render(facts)


def _prose(text: str) -> Markup:
    """Return a sentence of ours as markup: what stands in backticks is code."""
    # Plain text by then: before Python 3.12, what `re` puts into markup would be escaped again.
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(visible(text)))))


def _shown(value: Any) -> Any:
    return visible(value) if type(value) is str else value


_ENVIRONMENT = Environment(
    loader=FileSystemLoader([_PACKAGE / "templates", _PACKAGE / "static"]),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_shown,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters["prose"] = _prose
_ENVIRONMENT.globals |= {"refresh": None, "linked": False}
