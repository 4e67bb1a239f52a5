"""A FastAPI application that removes the prefix itself, as Valohai's FastAPI example does (R7)."""

import os

from fastapi import Request
from fastapi_site import app


@app.middleware("http")
async def remove_prefix(request: Request, call_next):
    known = [request.headers.get("X-VH-Prefix"), os.environ.get("VH_DEFAULT_PREFIX")]
    for prefix in filter(None, known):
        if request.scope["path"].startswith(prefix):
            request.scope["root_path"] = prefix
            rest = request.scope["path"][len(prefix) :]
            request.scope["path"] = "/" + rest.lstrip("/")
            break
    return await call_next(request)
