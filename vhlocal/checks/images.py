"""What an image reference shows: its tag, and the Python that an official image has."""

from __future__ import annotations

import re

_PYTHON = re.compile(r"(?:docker\.io/)?(?:library/)?python(?::(?P<tag>[\w.-]+))?(?:@sha256:[0-9a-f]+)?")
_VERSION = re.compile(r"(?P<minor>3\.\d+)(?:\.(?P<micro>\d+))?(?![\w.])")

#: As many patch releases as no minor version of Python has had.
_MOST_PATCHES = 40


def is_official_python(image: str) -> bool:
    """Tell whether it is an image of which it is known what it brings: Python, pip, and no other package."""
    return _PYTHON.fullmatch(image.strip()) is not None


def tag_of(image: str) -> str | None:
    """Return the tag of an image reference, None where it has none; a digest counts as a tag, since it is firmer."""
    name, at, digest = image.strip().partition("@")
    if at:
        return digest
    last = name.rpartition("/")[2]
    return last.partition(":")[2] or None


def python_versions(image: str) -> tuple[str, ...]:
    """Return the versions of Python that an official image may have, in full; none where its tag does not say.

    ``python:3.11-slim`` may have any 3.11.
    """
    match = _PYTHON.fullmatch(image.strip())
    version = _VERSION.match(match["tag"] or "") if match else None
    if version is None:
        return ()
    if version["micro"]:
        return (f"{version['minor']}.{version['micro']}",)
    return tuple(f"{version['minor']}.{micro}" for micro in range(_MOST_PATCHES))
