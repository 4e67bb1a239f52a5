"""Frameworks besides FastAPI and Flask, and servers besides Uvicorn and Gunicorn."""

from __future__ import annotations

from tests.frameworks.project import Case

NOT_BELOW = "but answers 404 below its prefix"

_NODE = """\
const http = require("http");

const server = http.createServer((request, response) => {
  if (request.url !== "/" && request.url !== "/predict") {
    response.writeHead(404).end("nothing here");
    return;
  }
  response.writeHead(200, {"Content-Type": "application/json"}).end('{"y": 1}');
});
server.listen(process.env.VALOHAI_PORT, "0.0.0.0");
"""
_NODE_PREFIX = """\
  const prefix = (request.headers["x-vh-prefix"] ?? "").replace(/\\/$/, "");
  request.url = request.url.slice(prefix.length) || "/";
"""
_NODE_SOUND = _NODE.replace("  if (request.url", f"{_NODE_PREFIX}  if (request.url", 1)
NODE_COMMAND = "server-command: node {name}.js"
NODE = (
    Case("node_bare", "", NODE_COMMAND, "VH401", NOT_BELOW, files=(("node_bare.js", _NODE),)),
    Case("node_header", "", NODE_COMMAND, files=(("node_header.js", _NODE_SOUND),)),
)

#: By what they share an environment with: what it installs, and its cases, those without a finding sound.
OTHERS = {"Node": ("", NODE)}
