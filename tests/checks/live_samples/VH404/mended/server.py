from flask import Flask, redirect, url_for

app = Flask(__name__)


@app.get("/")
def page():
    return "hello"


@app.get("/result/")
def result():
    return "it"


@app.get("/moved")
def moved():
    return redirect(url_for("result"))
