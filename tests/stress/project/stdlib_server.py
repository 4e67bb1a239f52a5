"""The standard library's server with a thread for each connection, which are kept."""

import http.server
import time
from urllib.parse import urlsplit

import answers


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        parts = urlsplit(self.path)
        what = parts.path.rpartition("/")[2]
        if what == "events":
            self.events()
            return
        if what == "slow":
            time.sleep(answers.seconds(parts.query))
        self.answer(answers.facts())

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def events(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                event = answers.event()
                self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
                time.sleep(answers.PAUSE)
        except OSError:  # its reader has gone
            self.close_connection = True

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
