"""How large a picture is, by its first bytes: PNG, JPEG, GIF and WebP."""

from __future__ import annotations

import struct
from typing import NamedTuple

_PNG, _RIFF, _WEBP, _JPEG = b"\x89PNG\r\n\x1a\n", b"RIFF", b"WEBP", b"\xff\xd8"
#: Markers of JPEG that begin a frame, and with it its size; those that have no length behind them.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
_END, _SCAN, _FILL = 0xD9, 0xDA, 0xFF


class Image(NamedTuple):
    """A picture's format, and its width and height in pixels."""

    format: str
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.format} of {self.width}×{self.height} pixels"  # noqa: RUF001 - the sign that it is


def image(content: bytes) -> Image | None:
    """Return what picture this is, None where it is none of those formats or breaks off before its size."""
    try:
        if content.startswith(_PNG):
            return Image("PNG", *struct.unpack_from(">II", content, 16)) if content[12:16] == b"IHDR" else None
        if content.startswith((b"GIF87a", b"GIF89a")):
            return Image("GIF", *struct.unpack_from("<HH", content, 6))
        if content.startswith(_RIFF) and content[8:12] == _WEBP:
            return _webp(content)
        return _jpeg(content) if content.startswith(_JPEG) else None
    except (struct.error, IndexError):
        return None


def _webp(content: bytes) -> Image | None:
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
        return Image("WebP", width, height) if len(content) >= 30 else None
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return Image("WebP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", content, 26)
        return Image("WebP", width & 0x3FFF, height & 0x3FFF)
    return None


def _jpeg(content: bytes) -> Image | None:
    place = 2
    while content[place] == _FILL:
        marker = content[place + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", content, place + 5)
            return Image("JPEG", width, height)
        if marker in (_END, _SCAN):
            return None
        if marker == _FILL:
            place += 1
        elif marker in _BARE:
            place += 2
        else:
            place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return None
