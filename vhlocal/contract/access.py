"""Who may use an endpoint (K7)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a browser is asked for, as ingress-nginx asks.
CHALLENGE = 'Basic realm="Authentication Required", charset="UTF-8"'


class BasicAuth:
    """HTTP Basic auth (RFC 7617) for these users and their passwords."""

    def __init__(self, users: Mapping[str, str]) -> None:
        # The environment's bytes that are no UTF-8 come as surrogates.
        self._known = tuple(
            _digest(f"{user}:{password}".encode("utf-8", "surrogateescape")) for user, password in users.items()
        )

    def allows(self, authorization: bytes) -> bool:
        """Tell whether an ``Authorization`` header names one of them; takes as long whichever it is, and if none."""
        scheme, _, given = authorization.partition(b" ")
        if scheme.lower() != b"basic":
            return False
        try:
            digest = _digest(base64.b64decode(given.strip(), validate=True))
        except binascii.Error:
            return False
        # All are compared, and digests are of one length: the time tells neither a user nor a part of a password.
        return sum([hmac.compare_digest(digest, known) for known in self._known]) > 0


def authorization(users: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the header by which the first of these users is let in, none where there is no user."""
    for user, password in users.items():
        words = base64.b64encode(f"{user}:{password}".encode("utf-8", "surrogateescape")).decode()
        return (("Authorization", f"Basic {words}"),)
    return ()


def _digest(words: bytes) -> bytes:
    return hashlib.sha256(words).digest()
