from flask import Flask
import numpy  # VH205

app = Flask(__name__)


@app.get("/")
def greet():
    return str(numpy.pi)
