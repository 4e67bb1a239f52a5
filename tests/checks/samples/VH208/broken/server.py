import json
from pathlib import Path

from flask import Flask

app = Flask(__name__)
account = json.loads(Path("account.json").read_text())


@app.get("/")
def greet():
    return account["type"]
