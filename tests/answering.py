"""An app without a dependency that answers in every way in which somebody who tries an endpoint is answered."""

from __future__ import annotations

from tests.session.edited import endpoint

#: Two endpoints of the same app.
YAML = endpoint("words", "server-command: python app.py") + endpoint("more", "server-command: python app.py")

#: What `GET /openapi.json` answers below the prefix: one of each kind of thing that a form is drawn from.
SCHEMA = """\
{
  "openapi": "3.1.0",
  "info": {"title": "Words", "version": "1"},
  "paths": {
    "/predict": {
      "post": {
        "summary": "Classify <b>an</b> iris",
        "requestBody": {
          "required": true,
          "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Iris"}}}
        }
      }
    },
    "/echo/{kind}": {
      "parameters": [{"name": "kind", "in": "path", "required": true, "schema": {"enum": ["a b", "c/d"]}}],
      "get": {
        "parameters": [
          {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 9}},
          {"name": "X-Extra", "in": "header", "schema": {"type": "string"}}
        ]
      }
    },
    "/pair/{name}/{number}": {
      "parameters": [
        {"name": "name", "in": "path", "required": true, "schema": {"type": "string"}},
        {"name": "number", "in": "path", "required": true, "schema": {"type": "integer"}}
      ],
      "get": {}
    },
    "/upload": {
      "post": {
        "requestBody": {
          "content": {
            "multipart/form-data": {
              "schema": {
                "type": "object",
                "required": ["image"],
                "properties": {
                  "image": {"type": "string", "format": "binary"},
                  "note": {"type": "string", "default": "é"}
                }
              }
            }
          }
        }
      }
    },
    "/odd": {
      "post": {
        "requestBody": {
          "content": {
            "application/json": {
              "schema": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
              "example": {"either": ["this", "that"]}
            }
          }
        }
      }
    },
    "/../../../../../../../api/down": {"post": {}}
  },
  "components": {
    "schemas": {
      "Iris": {
        "type": "object",
        "required": ["sepal", "species", "parts"],
        "properties": {
          "sepal": {"type": "number", "minimum": 0.5, "maximum": 8, "description": "in cm"},
          "count": {"type": "integer", "default": 3},
          "species": {"enum": ["setosa", "virginica"]},
          "fresh": {"type": "boolean"},
          "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
          "where": {"type": "object", "properties": {"garden": {"type": "string", "maxLength": 12}}},
          "child": {"anyOf": [{"$ref": "#/components/schemas/Iris"}, {"type": "null"}]}
        }
      },
      "Part": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    }
  }
}
"""

APP = '''\
import hashlib, http.server, json, os, struct, threading, time, urllib.parse, zlib

GO = threading.Event()
SCHEMA = open("schema.json").read()


def png(side=8):
    rows = b"".join(b"\\0" + b"\\xff\\x80\\0" * side for _ in range(side))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def wav():
    data = b"\\0\\x10" * 800
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack(
        "<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16
    ) + b"data" + struct.pack("<I", len(data)) + data


CSV = "name,petals,note\\n" + "".join(f'"iris, {n}",{n},"<b>""{n}""</b>"\\n' for n in range(1000))
NESTED = json.dumps({"list": list(range(5000)), "deep": {"a": {"b": [{"c": None}, True, 1.5]}}, "<b>": "</b>"})

PLAIN = {
    "/image.png": ("image/png", png()),
    "/sound.wav": ("audio/wav", wav()),
    "/table.csv": ("text/csv", CSV.encode()),
    "/nested": ("application/json", NESTED.encode()),
    "/claims": ("application/json", bytes(range(256)) * 40),
    "/page": ("text/html", b"<script>document.title='run'</script><h1>page</h1>"),
    "/text": ("text/plain; charset=iso-8859-1", "caf\\xe9 \\x1b[2J\\r\\nend".encode("latin-1")),
    "/drawing.svg": (
        "image/svg+xml",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>document.title="run"</script></svg>',
    ),
    "/openapi.json": ("application/json", SCHEMA.encode()),
    "/none": ("text/plain", b""),
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        path = "/" + "/".join(self.path.split("?")[0].split("/")[6:])
        if path in PLAIN:
            return self.whole(200, *PLAIN[path])
        if path == "/go":
            GO.set()
        elif path == "/events":
            return self.stream("text/event-stream", self.events())
        elif path == "/silent":
            return self.stream("text/plain", self.silent())
        elif path == "/large":
            return self.stream("text/plain", (b"0123456789abcde\\n" * 65536 for _ in range(self.number())))
        elif path == "/nothing-at-all":
            self.close_connection = True
            return
        elif path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half of it")
            time.sleep(1)  # a browser drops what its page has not read yet when a connection ends
            self.close_connection = True
            return
        elif path == "/moved":
            self.send_response(307)
            self.send_header("Location", "nested")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        elif path.startswith("/status/"):
            return self.whole(int(path[8:]), "application/json", b'{"detail": "as asked"}')
        digest, size, body = hashlib.sha256(), 0, b""
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            part = self.rfile.read(min(left, 1 << 20))
            left -= len(part)
            size += len(part)
            digest.update(part)
            body = (body + part)[:65536]
        heard = {
            "method": self.command,
            "path": path,
            "query": self.path.partition("?")[2],
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "size": size,
            "sha256": digest.hexdigest(),
            "body": body.decode("latin-1") if size < 65536 else "",
        }
        self.whole(200, "application/json", json.dumps(heard).encode())

    def number(self):
        return int(urllib.parse.parse_qs(self.path.partition("?")[2])["mebibytes"][0])

    def events(self):
        yield b"data: one\\n\\n"
        GO.wait()
        yield b"data: two\\n\\n"

    def silent(self):
        """Say nothing more, and print once nobody listens."""
        yield b"begun\\n"
        self.connection.recv(1)
        print("nobody listens", flush=True)

    def whole(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Told", "yes <b>")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def stream(self, kind, parts):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in parts:
            self.wfile.write(b"%x\\r\\n%b\\r\\n" % (len(part), part))
        self.wfile.write(b"0\\r\\n\\r\\n")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer


http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
'''

FILES = {"valohai.yaml": YAML, "app.py": APP, "schema.json": SCHEMA}
