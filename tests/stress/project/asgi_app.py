"""An ASGI app by hand: as ``wsgi_app``, and a WebSocket that echoes, under any prefix."""

import asyncio

import answers

_TEXT = [(b"content-type", b"application/json")]
_EVENTS = [(b"content-type", b"text/event-stream")]


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await echo(receive, send)
    else:
        await answer(scope, receive, send)


async def lifespan(receive, send):
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def echo(receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        body = text.encode() if text is not None else message["bytes"]
        await send({"type": "websocket.send", "text": answers.facts(body).decode()})


async def answer(scope, receive, send):
    what = scope["path"].rpartition("/")[2]
    if what == "events":
        await events(receive, send)
        return
    body = await read(receive) if what == "upload" else b""
    if what == "slow":
        await asyncio.sleep(answers.seconds(scope["query_string"].decode()))
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": answers.facts(body)})


async def read(receive):
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def events(receive, send):
    await read(receive)
    gone = asyncio.ensure_future(receive())
    await send({"type": "http.response.start", "status": 200, "headers": _EVENTS})
    while not gone.done():
        await send({"type": "http.response.body", "body": answers.event(), "more_body": True})
        await asyncio.wait({gone}, timeout=answers.PAUSE)
