"""Answers and exchanges for tests that need some."""

from __future__ import annotations

import json
from typing import Any

from vhlocal.exchanges import Answer, Exchange, Request, whole

PREFIX = "/acme/digits/local/dev/predict"


def answered(value: Any = None, status: int = 200, prefix: str = "", **headers: str) -> Answer:
    """An answer of JSON, as an app sends it."""
    told = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
    return Answer(status, tuple(told.items()), whole(json.dumps(value).encode()), prefix)


def sent(content: bytes, content_type: str, status: int = 200, prefix: str = "", **headers: str) -> Answer:
    """An answer of any bytes."""
    told = {"Content-Type": content_type, **{name.replace("_", "-"): text for name, text in headers.items()}}
    return Answer(status, tuple(told.items()), whole(content), prefix)


def exchange(request: Request | None = None, answer: Answer | None = None, **facts: Any) -> Exchange:
    """A POST of JSON to ``predict`` that took a quarter of a second."""
    known: dict[str, Any] = {
        "id": "0" * 32,
        "time": 1_700_000_000.5,
        "endpoint": "predict",
        "revision": "r1",
        "request": request
        or Request("POST", f"{PREFIX}/digit?a=1", (("Content-Type", "application/json"),), whole(b'{"x": 1}')),
        "answer": answer or answered({"digit": 7, "probability": 0.998}, prefix=PREFIX),
        "seconds": 0.25,
    }
    return Exchange(**{**known, **facts})
