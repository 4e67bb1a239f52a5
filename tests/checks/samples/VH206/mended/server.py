from pathlib import Path

from flask import Flask

app = Flask(__name__)
words = Path(__file__).with_name("words.txt").read_text().split()


@app.get("/")
def greet():
    return words[0]
