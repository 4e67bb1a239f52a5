"""The HAR file that a command is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.recorder.har_reading import read_har
from vhlocal.regular import content_of

if TYPE_CHECKING:
    from pathlib import Path

    from vhlocal.recorder.har_reading import Har

#: Bytes that it may have: as JSON it takes several times as much memory.
_MOST = 256 * 1024**2


def read_har_file(file: Path, url: str, most: int = _MOST) -> Har:
    """Read the requests of a HAR file to the run at ``url``. InputError for what is none."""
    try:
        text = content_of(file, most).decode()
    except OSError as error:
        hint = "export fewer requests into it" if file.is_file() and file.stat().st_size > most else None
        raise InputError(f"the HAR file cannot be read: {error.strerror}", place=Place(file), hint=hint) from error
    except UnicodeDecodeError as error:
        hint = "export it again, or save it as UTF-8"
        raise InputError("this is not a HAR file: it is not UTF-8", place=Place(file), hint=hint) from error
    return read_har(text, file, url)
