"""URLs as pictures that cameras read."""

from __future__ import annotations

import io

import segno

#: Light cells around it, without which cameras do not find it.
_BORDER = 4


def drawn(text: str) -> bytes:
    """Return a text as an SVG drawing, dark on white whatever the page's colours are."""
    written = io.BytesIO()
    segno.make(text, error="m", micro=False).save(written, kind="svg", border=_BORDER, light="#fff", omitsize=True)
    return written.getvalue()
