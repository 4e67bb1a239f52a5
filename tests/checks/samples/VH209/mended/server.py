from flask import Flask

from words import WORDS

app = Flask(__name__)


@app.get("/")
def greet():
    return WORDS[0]
