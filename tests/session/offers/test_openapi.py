"""From an OpenAPI schema to one request that its app accepts."""

from __future__ import annotations

import json

import pytest

from vhlocal.model import Call
from vhlocal.session.offers.openapi import call_of

JSON = "application/json"


def operation(schema: dict, **more) -> dict:
    return {"requestBody": {"content": {JSON: {"schema": schema, **more}}}}


def body_of(schema: dict, components: dict | None = None, **more) -> object:
    """Return the body for a POST whose body has this schema; None where there is none."""
    paths = {"/predict": {"post": operation(schema, **more)}}
    call = call_of({"paths": paths, "components": {"schemas": components or {}}})
    return None if call is None else json.loads(call.body)


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ({"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}, {"text": "text"}),
        ({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "minimum": 5}}}, {"n": 5}),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "minimum": 5, "exclusiveMinimum": True}, 6),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "integer", "multipleOf": 4, "minimum": 3}, 4),
        ({"type": "array", "items": {"type": "number"}, "minItems": 2}, [1, 1]),
        ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "boolean"}]}, ["text", True]),
        ({"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 2}]}, "te"),
        ({"type": ["null", "string"], "minLength": 6}, "texttt"),
        ({"enum": ["a", "b"]}, "a"),
        ({"type": "string", "default": "en"}, "en"),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"allOf": [{"$ref": "#/components/schemas/A"}, {"type": "object"}]}, {"a": True}),
        ({"$ref": "#/components/schemas/A"}, {"a": True}),
        ({"type": "object", "additionalProperties": True}, {}),
        ({"type": "string", "pattern": "^[A-Z]{3}$"}, None),
        ({"$ref": "#/components/schemas/Loop"}, None),
        ({"type": "integer", "minimum": 5, "maximum": 4}, None),
    ],
)
def test_a_body_is_what_the_schema_asks_for(schema, body):
    loop = {"type": "object", "required": ["loop"], "properties": {"loop": {"$ref": "#/components/schemas/Loop"}}}
    a = {"type": "object", "required": ["a"], "properties": {"a": {"type": "boolean"}, "b": {"type": "string"}}}
    assert body_of(schema, {"A": a, "Loop": loop}) == body


def test_an_example_of_the_authors_goes_first():
    text = {"type": "string"}
    assert body_of(text, example="mine") == "mine"
    assert body_of(text, examples={"one": {"value": "named"}}) == "named"
    assert body_of({"type": "object", "example": {"x": 1}}) == {"x": 1}


def test_a_post_with_a_body_goes_before_a_get_and_both_before_what_has_parameters():
    get, post = {"get": {}}, {"post": operation({"type": "integer"})}
    parameter = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    item = {"get": {}, "parameters": [parameter]}
    assert call_of({"paths": {"/a": get, "/b": post}}) == Call("POST", "/b", "1", JSON)
    assert call_of({"paths": {"/{id}": item, "/a": get}}) == Call("GET", "/a")
    assert call_of({"paths": {"/{id}/x": item}}) == Call("GET", "/text/x")


def test_parameters_that_have_to_be_there_are_in_the_query():
    wanted = {"name": "q", "in": "query", "required": True, "schema": {"type": "string", "example": "a b"}}
    spare = {"name": "page", "in": "query", "schema": {"type": "integer"}}
    assert call_of({"paths": {"/a": {"get": {"parameters": [wanted, spare]}}}}) == Call("GET", "/a?q=a+b")


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"paths": {}},
        {"paths": []},
        {"paths": {"/a": {"delete": {}}}},
        {"paths": {"/a": {"get": {"security": [{"key": []}]}}}},
        {"paths": {"/a": {"post": {"requestBody": {"content": {"multipart/form-data": {}}}}}}},
        {"paths": {"/a": {"get": {"parameters": [{"name": "x", "in": "header", "required": True}]}}}},
        {"paths": {"/a": {"get": {"parameters": [{"$ref": "#/nowhere"}]}}}},
        None,
    ],
)
def test_where_none_can_be_told_there_is_none(schema):
    assert call_of(schema) is None
