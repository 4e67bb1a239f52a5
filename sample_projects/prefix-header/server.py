"""Count words, behind a server that knows nothing of prefixes: each request's header tells the one it came under."""

import os

from flask import Flask, jsonify, redirect, render_template, request, url_for

app = Flask(__name__)


class PrefixFromHeader:
    """Move the prefix of a request's path to where WSGI wants it. Without the header, the default prefix is tried."""

    def __init__(self, application):
        self.application = application
        self.default = os.environ.get("VH_DEFAULT_PREFIX", "")

    def __call__(self, environ, start_response):
        prefix = environ.get("HTTP_X_VH_PREFIX", self.default).rstrip("/")
        path = environ["PATH_INFO"]
        if path == prefix or path.startswith(prefix + "/"):
            environ["SCRIPT_NAME"] = prefix
            environ["PATH_INFO"] = path[len(prefix) :]
        return self.application(environ, start_response)


app.wsgi_app = PrefixFromHeader(app.wsgi_app)


@app.get("/")
def page():
    return render_template("page.html")


@app.post("/count")
def count():
    return jsonify(words=len(request.get_json()["text"].split()))


@app.post("/upload")
def upload():
    file = request.files["file"]
    data = file.read()
    return jsonify(name=file.filename, size=len(data), words=len(data.split()))


@app.get("/moved")
def moved():
    return redirect(url_for("where"))


@app.get("/where")
def where():
    return jsonify(url=url_for("where"), full=url_for("where", _external=True))
