import json

from flask import Flask, request

app = Flask(__name__)
FILE = "/data/items.json"


@app.post("/items")
def keep():
    with open(FILE, "w") as file:
        json.dump(request.json, file)
    return {"kept": True}


@app.get("/items")
def show():
    with open(FILE) as file:
        return json.load(file)
