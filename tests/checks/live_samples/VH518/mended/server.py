import http.cookies
import http.server
import os
import uuid


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        cookie = http.cookies.SimpleCookie(self.headers.get("Cookie")).get("visitor")
        self.send_response(200)
        if cookie is None:
            name = uuid.uuid4().hex
            self.send_header("Set-Cookie", f"visitor={name}; Path={self.headers['X-VH-Prefix']}")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")


http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
