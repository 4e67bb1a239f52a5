"""Files of ``NAME=VALUE`` lines (B8)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.regular import text_of

if TYPE_CHECKING:
    from pathlib import Path


def read_env_file(file: Path) -> dict[str, tuple[str, Place]]:
    """Read ``NAME=VALUE`` lines: each name's value and place; the last line of a name wins.

    Comments and blank lines are passed over; a leading ``export``, outer quotes, and a comment after an unquoted value
    are dropped. Nothing in a value is expanded. InputError, with the line, for anything else.
    """
    found: dict[str, tuple[str, Place]] = {}
    for number, line in enumerate(_text(file).splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        place = Place(file, number)
        name, equals, value = re.sub(r"^export\s+", "", stripped).partition("=")
        if not equals:
            raise InputError("this line is not NAME=VALUE", place=place)
        check_variable(name.strip(), "this line", place)
        found[name.strip()] = (_unquoted(value.strip()), place)
    return found


def check_variable(name: str, origin: str, place: Place | None = None) -> None:
    """Raise an InputError, naming the ``origin``, if ``name`` cannot name an environment variable."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        hint = "use letters, digits and `_`, and start with a letter or `_`"
        raise InputError(f'{origin} has "{name}", which is not a valid variable name', place=place, hint=hint)


def _text(file: Path) -> str:
    try:
        return text_of(file, "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("the env file is not UTF-8 text", place=Place(file)) from error
    except OSError as error:
        raise InputError(f"the env file cannot be read: {error.strerror}", place=Place(file)) from error


def _unquoted(value: str) -> str:
    if quoted := re.fullmatch(r"""(["'])(.*)\1(?:\s+#.*)?""", value):
        return quoted[2]
    return re.sub(r"(^|\s+)#.*$", "", value)
