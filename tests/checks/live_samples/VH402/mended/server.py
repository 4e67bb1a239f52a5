from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def page():
    return "hello"
