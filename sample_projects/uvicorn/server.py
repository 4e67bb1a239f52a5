"""Count words, with FastAPI under Uvicorn, which knows nothing of prefixes: every route begins with it.

The fourth segment of the prefix is the version's name or an alias of it, so it is a parameter of the path.
"""

import os
from html import escape

from fastapi import APIRouter, FastAPI, Request, UploadFile
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel

_, owner, project, deployment, _, endpoint = os.environ["SCRIPT_NAME"].split("/")

app = FastAPI(title="Words", docs_url=None, redoc_url=None, openapi_url=None)
routes = APIRouter(prefix=f"/{owner}/{project}/{deployment}/{{version}}/{endpoint}")


class Text(BaseModel):
    text: str


@routes.get("", include_in_schema=False)
@routes.get("/", response_class=HTMLResponse)
def page(request: Request):
    links = {name: escape(str(request.url_for(name, **request.path_params))) for name in ("upload", "moved", "docs")}
    return """<!doctype html>
<html lang="en">
<title>Words</title>
<h1>Words</h1>
<form action="{upload}" method="post" enctype="multipart/form-data">
  <input type="file" name="file" required>
  <button>Count its words</button>
</form>
<p><a href="{moved}">Where is this served?</a> <a href="{docs}">Its API</a></p>
""".format(**links)


@routes.post("/count")
def count(text: Text):
    return {"words": len(text.text.split())}


@routes.post("/upload")
def upload(file: UploadFile):
    data = file.file.read()
    return {"name": file.filename, "size": len(data), "words": len(data.split())}


@routes.get("/moved")
def moved(request: Request):
    return RedirectResponse(request.url_for("where", **request.path_params))


@routes.get("/where")
def where(request: Request):
    url = request.url_for("where", **request.path_params)
    return {"url": url.path, "full": str(url)}


@routes.get("/docs", include_in_schema=False)
def docs(request: Request):
    return get_swagger_ui_html(openapi_url=request.url_for("openapi", **request.path_params).path, title=app.title)


@routes.get("/openapi.json", include_in_schema=False)
def openapi(version: str):
    schema = app.openapi()
    return {**schema, "paths": {path.replace("{version}", version): item for path, item in schema["paths"].items()}}


app.include_router(routes)
