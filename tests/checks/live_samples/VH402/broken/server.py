import os

from fastapi import FastAPI

app = FastAPI(root_path=os.environ["SCRIPT_NAME"])  # VH402


@app.get("/")
def page():
    return "hello"
