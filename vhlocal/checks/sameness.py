"""Which findings tell the same: one by the code alone, one by the running endpoint under a code of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vhlocal.findings import Finding

#: There is one of it in an endpoint, its server: the place may be told more or less closely.
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
#: There may be several: only the same line tells the same.
_OF_A_LINE = {
    "VH204": ("VH509",),
    "VH205": ("VH509",),
    "VH206": ("VH510",),
    "VH304": ("VH511",),
    "VH308": ("VH405",),
    "VH309": ("VH404",),
}


def tell_the_same(by_code: Finding, shown: Finding) -> bool:
    """Tell whether what the code alone told is what a running endpoint has ``shown``, be it in other words."""
    code, other = by_code.definition.code, shown.definition.code
    if code == other:
        return by_code.endpoint == shown.endpoint
    if by_code.endpoint not in (None, shown.endpoint):
        return False
    if other in _OF_THE_SERVER.get(code, ()):
        return True
    lines = [(one.place.file, one.place.line) for one in (by_code, shown)]
    return other in _OF_A_LINE.get(code, ()) and lines[0] == lines[1]
