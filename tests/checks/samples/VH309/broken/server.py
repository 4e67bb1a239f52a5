from flask import Flask, redirect

app = Flask(__name__)


@app.get("/")
def start():
    return redirect("/greet")  # VH309


@app.get("/greet")
def greet():
    return "hello"
