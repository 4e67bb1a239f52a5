import os
import socketserver


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


socketserver.ThreadingTCPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Echo).serve_forever()
