from flask import Flask, redirect, request, url_for

app = Flask(__name__)


@app.get("/")
def page():
    return "hello"


@app.get("/login")
def login():
    response = redirect(url_for("page"))
    response.set_cookie("user", "ada", path=request.script_root + "/")
    return response
