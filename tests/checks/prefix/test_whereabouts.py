"""What is told of an app that is not at its endpoint's own URL."""

from __future__ import annotations

import json

import pytest

from tests.checks.prefix.apps import ALIAS, FAILED, MISSING, PAGE, VERSION, below, examined, redirect
from vhlocal.checks.prefix.evidence import Answer
from vhlocal.checks.prefix.whereabouts import caveat

BOTH = (VERSION, ALIAS)
POST_ALONE = Answer(405, (("allow", "OPTIONS, POST"),))
SCHEMA = Answer(
    200,
    (("content-type", "application/json"),),
    json.dumps({"paths": {"/health": {"get": {}}, "/predict": {"post": {}, "parameters": []}, "/more": {"put": {}}}}),
)
TOLD = {
    "at its URL": (below(BOTH, {"": PAGE}), ""),
    "at its URL with a slash": (below(BOTH, {"/": PAGE}), ""),
    "for a user alone": (lambda *_: Answer(401), ""),
    "and refuses whatever it is asked": (lambda *_: Answer(400), "but answers 400 to every request"),
    "and refuses its root alone": (
        lambda prefix, target: Answer(400 if target in (f"{prefix}/", prefix) else 404),
        "",
    ),
    "and fails": (lambda *_: Answer(500), "but answers 500 at its URL"),
    "and fails without a slash alone": (lambda prefix, target: PAGE if target == f"{prefix}/" else Answer(500), ""),
    "and fails where its URL leads to": (
        below(BOTH, {"": redirect(f"https://deployments.example.com{VERSION}/", 308), "/": FAILED}),
        "but answers 500 at its URL",
    ),
    "nowhere where its URL leads to": (below(BOTH, {"": redirect(f"{VERSION}/", 308)}), "but answers 404 at its URL"),
    "at a page that its URL leads to": (below(BOTH, {"": redirect(f"{VERSION}/", 308), "/": PAGE}), ""),
    "nowhere": (lambda *_: MISSING, "but answers 404 at its URL"),
    "at a route of the code": (below(BOTH, {"/predict": POST_ALONE}), "answers at POST …/predict, but 404 at its URL"),
    "at a page": (below(BOTH, {"/items/1": PAGE}), "answers at …/items/1, but 404 at its URL"),
    "by its schema": (
        below(BOTH, {"/openapi.json": SCHEMA}),
        "answers at POST …/predict, …/health, PUT …/more, but 404 at its URL",
    ),
    "by a schema that is none": (
        below(BOTH, {"/openapi.json": Answer(200, (), "[1]"), "/predict": POST_ALONE}),
        "answers at POST …/predict, but 404 at its URL",
    ),
    "by several": (
        below(BOTH, {path: PAGE for path in ("/predict", "/items/1", "/a", "/b")}),
        "answers at …/predict, …/items/1, …/a and 1 more, but 404 at its URL",
    ),
}


@pytest.mark.parametrize("name", TOLD)
def test_where_it_does_answer_is_told(name):
    app, expected = TOLD[name]
    assert caveat(examined(app, "", routes=("/predict", "/items/1", "/a", "/b"))) == expected
