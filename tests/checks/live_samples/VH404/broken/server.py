from flask import Flask, redirect

app = Flask(__name__)


@app.get("/")
def page():
    return "hello"


@app.get("/result/")
def result():
    return "it"


@app.get("/moved")
def moved():
    return redirect("/result")  # VH404
