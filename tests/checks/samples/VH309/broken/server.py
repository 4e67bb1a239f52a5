from flask import Flask, redirect, request

app = Flask(__name__)


@app.get("/")
def start():
    return redirect("/greet")  # VH309


@app.get("/again")
def again():
    return redirect(request.host_url + "greet")  # VH309


@app.get("/greet")
def greet():
    return "hello"
