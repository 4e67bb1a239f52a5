import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PREFIX = os.environ["VH_DEFAULT_PREFIX"].rstrip("/")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        prefix = self.headers.get("X-VH-Prefix", PREFIX).rstrip("/")
        body = b"hello" if self.path in (prefix, f"{prefix}/") else b"nothing here"
        self.send_response(200 if body == b"hello" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
