from flask import Flask

app = Flask(__name__)
with open("data/words.txt") as file:
    words = file.read().split()


@app.get("/")
def greet():
    return words[0]
