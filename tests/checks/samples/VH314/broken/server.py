import pandas
from flask import Flask

get_ipython().run_line_magic("matplotlib", "inline")  # VH314

app = Flask(__name__)


@app.get("/")
def page():
    return pandas.__version__
