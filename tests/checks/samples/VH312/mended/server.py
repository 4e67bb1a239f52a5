import os

from flask import Flask, session

app = Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]


@app.get("/")
def greet():
    session["seen"] = session.get("seen", 0) + 1
    return f"{session['seen']} times"
