from flask import Flask

app = Flask(__name__)


@app.get("/")
def page():
    return "hello"


@app.route("/predict", methods=["GET", "POST"])  # VH410
def predict():
    return "7"
