from flask import Flask

app = Flask(__name__)

PAGE = """<!doctype html>
<title>Upload</title>
<form action="/upload" method="post"><button>Go</button></form> <!-- VH405 -->
"""


@app.get("/")
def page():
    return PAGE


@app.post("/upload")
def upload():
    return "thanks"
