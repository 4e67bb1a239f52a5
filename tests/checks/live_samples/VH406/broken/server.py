from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html

app = FastAPI(docs_url=None)


@app.get("/")
def page():
    return "hello"


@app.get("/docs", include_in_schema=False)
def docs(request: Request):
    return get_swagger_ui_html(openapi_url="/openapi.json", title="API")  # VH406
