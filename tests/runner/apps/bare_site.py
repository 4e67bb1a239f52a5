"""A plain WSGI callable, a factory for one, and an ASGI callable whose kind is told by its arguments alone."""

import json
import os


def application(environ, start_response):
    answer = {key: environ.get(key) for key in ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING")}
    answer["env"] = os.environ.get("SCRIPT_NAME")
    body = json.dumps(answer).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def make(name, *, loud=False):
    def made(environ, start_response):
        body = (name.upper() if loud else name).encode()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    return made


async def answer(scope, send):
    body = json.dumps({"root_path": scope["root_path"], "path": scope["path"]}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


def plain_asgi(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    return answer(scope, send)
