from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.get("/")
def page():
    return "hello"


@app.websocket("/ws")
async def words(socket: WebSocket):
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


class Prefixed:
    def __init__(self, wrapped):
        self.wrapped = wrapped

    async def __call__(self, scope, receive, send):
        if scope["type"] in ("http", "websocket"):
            prefix = dict(scope["headers"]).get(b"x-vh-prefix", b"").decode()
            scope = dict(scope, root_path=prefix.rstrip("/"))
        await self.wrapped(scope, receive, send)


app = Prefixed(app)
