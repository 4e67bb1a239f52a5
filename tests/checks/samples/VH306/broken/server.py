from flask import Flask

app = Flask(__name__)
with open("/valohai/inputs/words/words.txt") as file:  # VH306
    words = file.read().split()


@app.get("/")
def greet():
    return words[0]
