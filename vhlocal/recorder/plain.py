"""Recordings as JSON, all of them: what one process hands to another."""

from __future__ import annotations

import base64
from typing import Any

from vhlocal.exchanges import Answer, Body, Exchange, Request


def to_json(exchange: Exchange) -> dict[str, Any]:
    """Return an exchange as JSON has it; bodies are in base64."""
    request, answer = exchange.request, exchange.answer
    return {
        "id": exchange.id,
        "time": exchange.time,
        "endpoint": exchange.endpoint,
        "revision": exchange.revision,
        "seconds": exchange.seconds,
        "request": {
            "method": request.method,
            "target": request.target,
            "headers": [list(each) for each in request.headers],
            "body": _body(request.body),
        },
        "answer": {
            "status": answer.status,
            "headers": [list(each) for each in answer.headers],
            "body": _body(answer.body),
            "prefix": answer.prefix,
            "broke_off": answer.broke_off,
        },
    }


def from_json(plain: dict[str, Any]) -> Exchange:
    """Return the exchange that ``to_json`` was given."""
    request, answer = plain["request"], plain["answer"]
    return Exchange(
        plain["id"],
        plain["time"],
        plain["endpoint"],
        plain["revision"],
        Request(request["method"], request["target"], _headers(request), _read(request["body"])),
        Answer(answer["status"], _headers(answer), _read(answer["body"]), answer["prefix"], answer["broke_off"]),
        plain["seconds"],
    )


def _body(body: Body) -> dict[str, Any]:
    content = None if body.content is None else base64.b64encode(body.content).decode()
    return {"content": content, "length": body.length, "digest": body.digest, "why": body.why}


def _read(plain: dict[str, Any]) -> Body:
    content = None if plain["content"] is None else base64.b64decode(plain["content"])
    return Body(content, plain["length"], plain["digest"], plain["why"])


def _headers(plain: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in plain["headers"])
