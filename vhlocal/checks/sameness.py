"""Which findings report the same fault: one from the code alone, one from the running endpoint with its own code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vhlocal.findings import Finding

#: An endpoint has only one server, so findings about it need not agree in their places.
_OF_THE_SERVER = {
    "VH105": ("VH502",),
    "VH106": ("VH501",),
    "VH107": ("VH504",),
    "VH109": ("VH509", "VH510", "VH513"),
    "VH110": ("VH513",),
    "VH111": ("VH504",),
    "VH302": ("VH501",),
    "VH303": ("VH502",),
}
#: An endpoint may have several of these: only findings at the same line are the same.
_OF_A_LINE = {
    "VH204": ("VH509",),
    "VH205": ("VH509",),
    "VH206": ("VH510",),
    "VH304": ("VH511",),
    "VH308": ("VH405",),
    "VH309": ("VH404",),
}


def tell_the_same(by_code: Finding, shown: Finding) -> bool:
    """Tell whether a finding from the code alone reports the fault that a running endpoint has ``shown``."""
    code, other = by_code.definition.code, shown.definition.code
    if code == other:
        return by_code.endpoint == shown.endpoint
    if by_code.endpoint not in (None, shown.endpoint):
        return False
    if other in _OF_THE_SERVER.get(code, ()):
        return True
    lines = [(one.place.file, one.place.line) for one in (by_code, shown)]
    return other in _OF_A_LINE.get(code, ()) and lines[0] == lines[1]
