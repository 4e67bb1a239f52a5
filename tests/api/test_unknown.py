import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhlocal.api.unknown import unknown_path
from vhlocal.model import Version

VERSION = Version("acme", "digits", "local", "20261124.0", ("dev",))


@pytest.mark.parametrize(
    ("prefix", "text"),
    [
        ("/other/digits/local/dev/predict", "no owner `other`; running: acme"),
        ("/acme/other/local/dev/predict", "no project `other`; running: digits"),
        ("/acme/digits/prod/dev/predict", "no deployment `prod`; running: local"),
        ("/acme/digits/local/20261122.0/predict", "no version `20261122.0`; running: 20261124.0, dev"),
        ("/acme/digits/local/dev/predcit", "no endpoint `predcit`; running: predict, explain"),
        ("/acme/digits/local/dev/predict/", "no endpoint `predict/`; running: predict, explain"),
        ("/acme/digits/local/dev/", "the path ends before the endpoint; running: predict, explain"),
        ("/acme/digits/local/dev", "the path ends before the endpoint; running: predict, explain"),
        ("/acme/digits/local", "the path ends before the version; running: 20261124.0, dev"),
        ("/acme", "the path ends before the project; running: digits"),
        ("/acme/digits/prod", "no deployment `prod`; running: local"),
        ("/acme//local/dev/predict", "the project is missing: the path has two slashes in a row"),
        ("/acme/digits/local/dev//predict", "the endpoint is missing: the path has two slashes in a row"),
        ("/static/app.css", "nothing is served at /static/app.css"),
        ("/", "nothing is served at /"),
    ],
)
def test_p1_an_unknown_prefix_is_told_by_the_segment_that_is_wrong(prefix, text):
    """P1: the five segments are told apart."""
    assert unknown_path(prefix, [VERSION], {VERSION.name: ["predict", "explain"]}).error == text


def test_the_nearest_path_comes_first():
    nearest = unknown_path("/acme/digits/local/dev/predcit", [VERSION], {VERSION.name: ["explain", "predict"]}).known
    assert nearest[0] == "/acme/digits/local/dev/predict/"
    assert len(nearest) == 4


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/acme/digits/local/dev/predcit", "did you mean `predict`?"),
        ("/acme/digits/local/dev/PREDICT", "names are case-sensitive: did you mean `predict`?"),
        ("/Acme/digits/local/dev/predict", "names are case-sensitive: did you mean `acme`?"),
        ("/acme/digits/local/Dev", "names are case-sensitive: did you mean `dev`?"),
        ("/acme/digits/local/20261122.0/predict", "did you mean `20261124.0`?"),
        ("/acme/digits/local/dev/zzz", "see all paths with `vhlocal ps`"),
        ("/openapi.json", "an app's own links begin with its prefix"),
    ],
)
def test_what_may_have_been_meant_is_told(path, hint):
    assert hint in unknown_path(path, [VERSION], {VERSION.name: ["predict", "explain"]}).hint


@pytest.mark.parametrize("path", ["/ACME/DIGITS/LOCAL/DEV/EXPLAIN", "/acme/digits/local/dev/explan/more"])
def test_case_and_what_follows_do_not_lead_to_another_path(path):
    assert (
        unknown_path(path, [VERSION], {VERSION.name: ["predict", "explain"]}).known[0]
        == "/acme/digits/local/dev/explain/"
    )


@given(st.text())
def test_something_is_said_of_any_path(path):
    said = unknown_path(f"/{path}", [VERSION], {VERSION.name: ["predict"]})
    assert said.error and said.hint
    assert len(said.known) == 2


def test_k10_a_version_that_does_not_run_is_told_with_those_that_do():
    """K10: and of one that runs the endpoints are its own."""
    old = Version("acme", "digits", "local", "20261123.0", ("prod",))
    endpoints = {VERSION.name: ["predict", "explain"], old.name: ["predict"]}
    said = unknown_path("/acme/digits/local/20261122.0/predict", [VERSION, old], endpoints)
    assert said.error == f"no version `20261122.0`; running: {VERSION.name}, dev, 20261123.0, prod"
    said = unknown_path("/acme/digits/local/prod/explain", [VERSION, old], endpoints)
    assert said.error == "no endpoint `explain` in prod; running: predict"
    assert "/acme/digits/local/prod/explain/" not in said.known
    assert "/acme/digits/local/dev/explain/" in said.known
