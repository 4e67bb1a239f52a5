import os
import urllib.request

from flask import Flask

app = Flask(__name__)


@app.get("/")
def greet():
    with urllib.request.urlopen(os.environ.get("WORDS_URL", "http://localhost:9000/word")) as answer:
        return answer.read()
