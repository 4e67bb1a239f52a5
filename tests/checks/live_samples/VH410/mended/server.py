from flask import Flask

app = Flask(__name__)
app.url_map.strict_slashes = False


@app.get("/")
def page():
    return "hello"


@app.route("/predict", methods=["GET", "POST"])
def predict():
    return "7"
