from fastapi import FastAPI

app = FastAPI()


@app.get("/{path:path}")
def greet(path: str):
    return {"hello": path}
