from flask import Flask

app = Flask(__name__)  # VH401


@app.get("/")
def page():
    return "hello"
