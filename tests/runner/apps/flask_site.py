"""What a Flask project does with URLs: makes them, redirects to them, sets a cookie for them. Runs on Flask 1 too."""

import os

from flask import Flask, jsonify, redirect, request, url_for

app = Flask(__name__)


@app.route("/")
def index():
    return jsonify(
        index=url_for("index"),
        echo=url_for("echo"),
        full=url_for("echo", _external=True),
        env=os.environ["SCRIPT_NAME"],
    )


@app.route("/echo", methods=["GET", "POST"])
def echo():
    upload = request.files.get("image")
    return jsonify(json=request.get_json(silent=True), file=upload and upload.read().decode(), args=request.args)


@app.route("/moved")
def moved():
    return redirect(url_for("echo"))


@app.route("/visit")
def visit():
    response = jsonify(seen=request.cookies.get("seen"))
    response.set_cookie("seen", "yes", path=request.script_root + "/")
    return response


@app.route("/files/<path:name>")
def files(name):
    return jsonify(name=name, path=request.path)
