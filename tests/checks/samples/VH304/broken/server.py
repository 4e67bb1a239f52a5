from flask import Flask

app = Flask(__name__)
with open("words.txt") as file:  # VH304
    words = file.read().split()


@app.get("/")
def greet():
    return words[0]
