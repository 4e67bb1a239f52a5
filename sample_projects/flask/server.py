"""Count words, with Flask. Nothing here knows of the path that it is served under."""

from flask import Flask, jsonify, redirect, render_template, request, url_for

app = Flask(__name__)


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
