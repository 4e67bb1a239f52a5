PAGE = """<!doctype html>
<title>Score</title>
<script src="app.js"></script>
"""
SCRIPT = b'document.title = "Scores"'
FILES = {"/": ("text/html", PAGE.encode()), "/app.js": ("text/javascript", SCRIPT)}


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if not path:
        start_response("307 Temporary Redirect", [("Location", environ["SCRIPT_NAME"] + "/")])
        return []
    kind, body = FILES.get(path, ("text/plain", b"nothing here"))
    start_response("200 OK" if path in FILES else "404 Not Found", [("Content-Type", kind)])
    return [body]
