import json
import os

from flask import Flask

app = Flask(__name__)
account = json.loads(os.environ["ACCOUNT"])


@app.get("/")
def greet():
    return account["type"]
