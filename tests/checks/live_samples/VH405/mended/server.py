from flask import Flask, render_template_string

app = Flask(__name__)

PAGE = """<!doctype html>
<title>Upload</title>
<form action="{{ url_for('upload') }}" method="post"><button>Go</button></form>
"""


@app.get("/")
def page():
    return render_template_string(PAGE)


@app.post("/upload")
def upload():
    return "thanks"
