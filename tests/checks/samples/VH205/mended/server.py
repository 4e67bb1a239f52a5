from flask import Flask
import numpy

app = Flask(__name__)


@app.get("/")
def greet():
    return str(numpy.pi)
