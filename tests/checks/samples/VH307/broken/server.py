import os
import urllib.request

from flask import Flask

app = Flask(__name__)


@app.get("/")
def greet():
    with urllib.request.urlopen("http://localhost:9000/word") as answer:  # VH307
        return answer.read()
