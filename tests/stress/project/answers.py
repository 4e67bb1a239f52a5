"""What every app here answers with: the numbers of the two files that are edited, as they were when it was loaded."""

import hashlib
import json

import second
import stamp

LOADED = {"number": stamp.NUMBER, "second": second.NUMBER}

#: Seconds between two events of a stream.
PAUSE = 0.1


def facts(body: bytes = b"") -> bytes:
    """Return the numbers and what came as a request's body."""
    return json.dumps({**LOADED, "length": len(body), "digest": hashlib.sha256(body).hexdigest()}).encode()


def event() -> bytes:
    """Return one event of a stream."""
    return b"data: " + facts() + b"\n\n"


def seconds(query: str) -> float:
    """Return how long a slow answer takes: the whole query."""
    return float(query or "0")
