from flask import Flask

from words import WORDS  # VH209

app = Flask(__name__)


@app.get("/")
def greet():
    return WORDS[0]
