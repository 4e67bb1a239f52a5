import http.server
import os


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")


ADDRESS = ("0.0.0.0", int(os.environ["VALOHAI_PORT"]))
first = http.server.ThreadingHTTPServer(ADDRESS, Handler)
http.server.ThreadingHTTPServer(ADDRESS, Handler).serve_forever()  # VH512
