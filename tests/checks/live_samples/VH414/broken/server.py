PAGE = """<!doctype html>
<title>Score</title>
<script src="app.js"></script> <!-- VH414 -->
"""
SCRIPT = b'document.title = "Scores"'
FILES = {"": ("text/html", PAGE.encode()), "/": ("text/html", PAGE.encode()), "/app.js": ("text/javascript", SCRIPT)}


def application(environ, start_response):
    path = environ["PATH_INFO"]
    kind, body = FILES.get(path, ("text/plain", b"nothing here"))
    start_response("200 OK" if path in FILES else "404 Not Found", [("Content-Type", kind)])
    return [body]
