from flask import Flask

app = Flask(__name__)


@app.get("/<owner>/<project>/<deployment>/<version>/greet/")
def greet(**prefix):
    return "hello"
