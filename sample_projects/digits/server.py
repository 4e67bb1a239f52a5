"""Answer with the digit that an image shows: POST a PNG as the body, or as the form field `image`."""

import io
import json
import pickle
from pathlib import Path

import numpy
from fastapi import FastAPI, HTTPException, Request
from PIL import Image, UnidentifiedImageError
from starlette.datastructures import UploadFile

app = FastAPI(title="Digits", description="Reads a handwritten digit, white on black, from an image.")
model = pickle.loads(Path(__file__).with_name("model.pkl").read_bytes())

BODY = {"schema": {"type": "string", "format": "binary"}}
FORM = {"schema": {"type": "object", "properties": {"image": BODY["schema"]}, "required": ["image"]}}


@app.get("", include_in_schema=False)
@app.get("/")
def about(request: Request):
    return {"post": str(request.url_for("read")), "docs": str(request.url_for("swagger_ui_html")), "classes": 10}


# Both with and without the last slash, since many clients lose the body in a redirect.
@app.post("", include_in_schema=False)
@app.post("/", openapi_extra={"requestBody": {"content": {"image/png": BODY, "multipart/form-data": FORM}}})
async def read(request: Request):
    """Read the digit. `probability` is the model's for that digit, `probabilities` all ten, from 0 to 9."""
    pixels = to_pixels(await image_of(request))
    probabilities = [round(float(value), 4) for value in model.predict_proba([pixels])[0]]
    digit = int(numpy.argmax(probabilities))
    answer = {"digit": digit, "probability": probabilities[digit]}
    print(json.dumps({"vh_metadata": answer}))
    return {**answer, "probabilities": probabilities}


async def image_of(request):
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.body()
    form = await request.form()
    upload = form.get("image")
    if not isinstance(upload, UploadFile):
        raise HTTPException(422, "the form has no file `image`")
    return await upload.read()


def to_pixels(data):
    """Shrink an image to the 64 values from 0 to 16 that the model knows."""
    try:
        image = Image.open(io.BytesIO(data)).convert("L")
    except (UnidentifiedImageError, OSError):
        raise HTTPException(422, "this is no image that can be read") from None
    return numpy.asarray(image.resize((8, 8), Image.Resampling.BOX), dtype=float).ravel() / 255 * 16
