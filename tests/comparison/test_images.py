"""The sizes of pictures, as other programs write them."""

from __future__ import annotations

import struct
import zlib

import pytest

from tests.exchanges import sent
from vhlocal.comparison.differences import differences
from vhlocal.comparison.images import Image, image


def png(width: int, height: int, grey: int = 0) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + bytes([grey]) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """The segments up to the scan: a thumbnail of 1 by 1, a table, fill bytes, a progressive frame."""
    thumbnail = b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 1, 1)
    application = b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail
    table = b"\xff\xc4" + struct.pack(">H", 6) + b"\xff\xc0\x00\x00"
    frame = b"\xff\xff\xff\xc2" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8" + application + table + frame + b"\xff\xda\x00\x02data\xff\xd9"


PICTURES = [
    (png(28, 14), Image("PNG", 28, 14)),
    (jpeg(640, 480), Image("JPEG", 640, 480)),
    (b"GIF87a" + struct.pack("<HH", 2, 300) + b"\0" * 5, Image("GIF", 2, 300)),
    (b"GIF89a" + struct.pack("<HH", 300, 2) + b"\0" * 5, Image("GIF", 300, 2)),
    (b"GIF89a" + struct.pack("<HH", 50_000, 40_000) + b"\0" * 5, Image("GIF", 50_000, 40_000)),
    (b"RIFF\0\0\0\0WEBPVP8X" + struct.pack("<I", 10) + b"\0" * 4 + b"\x1b\x00\x00\x0d\x00\x00", Image("WebP", 28, 14)),
    (b"RIFF\0\0\0\0WEBPVP8L" + struct.pack("<IBI", 5, 0x2F, 27 | 13 << 14), Image("WebP", 28, 14)),
    (
        b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 4 + b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 28, 14 | 1 << 14),
        Image("WebP", 28, 14),
    ),
]


def segments(*before: bytes) -> bytes:
    """A picture of JPEG of 40,000 by 50,000 pixels with something between its beginning and its frame."""
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 50_000, 40_000, 1) + b"\x01\x11\x00"
    return b"\xff\xd8" + b"".join(before) + frame


@pytest.mark.parametrize(
    "before",
    [
        b"\xff\xe1" + struct.pack(">H", 302) + b"\xff\xc0" * 150,  # a segment that is longer than a byte counts
        b"\xff",  # to fill
        b"\xff\xff",
        b"\xff\x01",  # a marker without a length
        b"\xff\xe0\x00\x04ab\xff\xd0\xff\xd7",
    ],
)
def test_whatever_lies_before_a_frame_is_passed_over_as_a_whole(before):
    assert image(segments(before)) == Image("JPEG", 40_000, 50_000)


@pytest.mark.parametrize("before", [b"\xff\xda\x00\x02", b"\xff\xd9", b"\x00"])
def test_no_frame_is_looked_for_where_none_can_be(before):
    """Behind the scan or the end, or where no marker is."""
    assert image(segments(before)) is None


@pytest.mark.parametrize(("content", "expected"), PICTURES)
def test_the_size_of_a_picture_is_read(content, expected):
    assert image(content) == expected


@pytest.mark.parametrize(
    "content",
    [
        png(28, 14).replace(b"IHDR", b"IDAT"),
        b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 4 + b"\0\0\0\x9d\x01\x2b" + struct.pack("<HH", 28, 14),
        PICTURES[-1][0].replace(b"RIFF", b"LIST"),
        PICTURES[-1][0].replace(b"WEBP", b"WAVE"),
        b"\0\0" + jpeg(640, 480)[2:],
        b"RIFF\0\0\0\0WEBPVP9 " + b"\0" * 4 + b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 28, 14),
    ],
)
def test_what_only_begins_like_a_picture_is_none(content):
    assert image(content) is None


@pytest.mark.parametrize(("content", "expected"), PICTURES)
def test_a_picture_that_breaks_off_is_none_or_itself(content, expected):
    assert {image(content[:length]) for length in range(len(content))} <= {None, expected}


def test_pictures_are_compared_by_their_size_in_pixels():
    one, other, larger = (sent(content, "image/png") for content in (png(28, 28), png(28, 28, 9), png(32, 32)))
    assert differences(one, other) == ()
    assert [str(d) for d in differences(one, larger)] == ["body PNG of 28×28 pixels → PNG of 32×32 pixels"]  # noqa: RUF001
    assert [found.location for found in differences(one, larger)] == [("body",)]
