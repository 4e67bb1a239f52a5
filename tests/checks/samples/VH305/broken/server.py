from flask import Flask

app = Flask(__name__)
with open("/home/ada/greet/words.txt") as file:  # VH305
    words = file.read().split()


@app.get("/")
def greet():
    return words[0]
