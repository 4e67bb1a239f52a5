"""What a FastAPI project does with URLs. Runs on FastAPI 0.68 too."""

import os

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import RedirectResponse

app = FastAPI()
started = []


@app.on_event("startup")
async def start():
    started.append("yes")


@app.get("/")
async def index(request: Request):
    return {"echo": str(request.url_for("echo")), "env": os.environ["SCRIPT_NAME"], "started": started}


@app.post("/echo")
async def echo(request: Request):
    return {"json": await request.json()}


@app.get("/moved")
async def moved(request: Request):
    return RedirectResponse(str(request.url_for("index")))


@app.get("/visit")
async def visit(request: Request, response: Response):
    response.set_cookie("seen", "yes", path=request.scope["root_path"] + "/")
    return {"seen": request.cookies.get("seen")}


@app.get("/files/{name:path}")
async def files(name: str):
    return {"name": name}


@app.get("/slash/")
async def slash():
    return {"slash": True}


@app.websocket("/talk")
async def talk(socket: WebSocket):
    await socket.accept()
    await socket.send_text(socket.scope["root_path"] + " " + str(socket.url_for("talk")))
    await socket.close()
