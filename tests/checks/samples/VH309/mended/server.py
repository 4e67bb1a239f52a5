from flask import Flask, redirect, url_for

app = Flask(__name__)


@app.get("/")
def start():
    return redirect(url_for("greet"))


@app.get("/again")
def again():
    return redirect(url_for("greet"))


@app.get("/greet")
def greet():
    return "hello"
