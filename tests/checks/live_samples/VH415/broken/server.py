from flask import Flask, redirect, url_for

app = Flask(__name__)  # VH415


@app.get("/")
def page():
    return "hello"


@app.get("/login")
def login():
    response = redirect(url_for("page"))
    response.set_cookie("user", "ada", path="/login")
    return response
