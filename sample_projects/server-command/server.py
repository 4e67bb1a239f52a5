"""Count words, with the standard library alone. The header `X-VH-Prefix` tells the path that a request came under."""

import email.policy
import json
import os
from email.parser import BytesParser
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PAGE = """<!doctype html>
<html lang="en">
<title>Words</title>
<h1>Words</h1>
<form action="{prefix}/upload" method="post" enctype="multipart/form-data">
  <input type="file" name="file" required>
  <button>Count its words</button>
</form>
<p><a href="{prefix}/moved">Where is this served?</a></p>
"""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.rest in ("", "/"):
            self.answer(200, PAGE.format(prefix=escape(self.prefix)), "text/html; charset=utf-8")
        elif self.rest == "/moved":
            self.answer(302, "", "text/plain", Location=self.prefix + "/where")
        elif self.rest == "/where":
            url = self.prefix + "/where"
            self.answer_json({"url": url, "full": f"http://{self.headers['Host']}{url}"})
        else:
            self.answer_json({"error": f"no page {self.rest}"}, 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.rest == "/count":
            self.answer_json({"words": len(json.loads(body)["text"].split())})
        elif self.rest == "/upload":
            self.answer_json(self.counted_file(body))
        else:
            self.answer_json({"error": f"nothing to post to at {self.rest}"}, 404)

    @property
    def prefix(self):
        return (self.headers.get("X-VH-Prefix") or os.environ.get("VH_DEFAULT_PREFIX", "")).rstrip("/")

    @property
    def rest(self):
        return urlsplit(self.path).path.removeprefix(self.prefix)

    def counted_file(self, body):
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form = BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
        file = parts["file"]
        data = file.get_payload(decode=True)
        return {"name": file.get_filename(), "size": len(data), "words": len(data.split())}

    def answer_json(self, value, status=200):
        self.answer(status, json.dumps(value), "application/json")

    def answer(self, status, text, content_type, **headers):
        body = text.encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": content_type, "Content-Length": len(body)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("VALOHAI_PORT", "9090"))), Handler).serve_forever()
