import secrets

from flask import Flask, session

app = Flask(__name__)
app.secret_key = secrets.token_hex()  # VH312


@app.get("/")
def greet():
    session["seen"] = session.get("seen", 0) + 1
    return f"{session['seen']} times"
