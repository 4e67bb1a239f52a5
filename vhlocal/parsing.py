"""Trees of Python code, made in one thread at a time.

CPython counts how deep a tree is in one place for all threads: up to 3.11.7 and 3.12.0 two that make trees at once can
each end with ``SystemError: AST constructor recursion depth mismatch``. Libraries that make some take the lock, too.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

#: Held by whoever makes trees, or has a library make them: werkzeug does where routes are defined.
ONE_AT_A_TIME = threading.RLock()


def parse(source: str | bytes) -> ast.Module:
    """Return what ``ast.parse`` does, with its errors."""
    import ast  # noqa: PLC0415 - few commands parse code

    with ONE_AT_A_TIME:
        return ast.parse(source)
