import os

from dotenv import load_dotenv
from flask import Flask

load_dotenv()  # VH310
app = Flask(__name__)


@app.get("/")
def greet():
    return os.environ["GREETING"]
