"""What is found from an app's answers, and what is not: each case with the findings that it is to have."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.checks.prefix.apps import (
    ALIAS,
    COMMAND,
    FAILED,
    HOST,
    MADE,
    MISSING,
    PAGE,
    VERSION,
    below,
    code,
    examined,
    html,
    redirect,
    with_header,
)
from vhlocal.checks.hosts import Hosts
from vhlocal.checks.prefix.evidence import NONSENSE, Answer
from vhlocal.checks.prefix.registry import find
from vhlocal.model import Place

BOTH = (VERSION, ALIAS)
HOME = {"/": PAGE}
INDEX = html('<link rel="icon" href="icon.png"><script type=module src="./app.js?v=1"></script>')
SCRIPT = Answer(200, (("content-type", "text/javascript"),), "go()")
ASKING = {
    "/": html('<script src="app.js"></script>'),
    "/app.js": Answer(200, (("content-type", "text/javascript"),), "fetch('/predict')"),
}
NO_HOST = Hosts("ALLOWED_HOSTS", Place(Path("settings.py"), 5), (), sure=True)
SWAGGER = html("<script>const ui = SwaggerUIBundle({\n  url: '/openapi.json',\n  dom_id: '#ui' })</script>")
REDOC = html('<redoc spec-url="/openapi.json"></redoc>')


def codes(evidence):
    return [finding.definition.code for finding in find(evidence)]


def under_gunicorn(_, target):
    return PAGE if target == f"{VERSION}/" else FAILED if not target.startswith(VERSION) else MISSING


def reads_header(prefix, target):
    return PAGE if target == f"{prefix}/" else MISSING


FILE = {"/": INDEX, "/app.js": SCRIPT, "/ws": MISSING}
SWITCHED = Answer(101)


AT_URL = {"": INDEX}
#: A page that knows its prefix: the alias' is another one, under which nothing is looked for.
PREFIXED = html(f'<script src="{VERSION}/app.js"></script>')


def index_for_all(prefixes, routes, index=None):
    """Make an app that answers its page wherever it has no route, as those of single-page apps do."""
    app = below(prefixes, routes)

    def answer(prefix, target):
        found = app(prefix, target)
        return (index or (lambda _: INDEX))(target) if found.is_missing else found

    return answer


def streamlit(prefix: str, target: str) -> Answer:
    """Answer as Streamlit does without `--server.baseUrlPath`: its page is everywhere, its files and health are not."""
    if target == f"{prefix}/":
        return redirect(prefix, 301)
    if target.endswith("/_stcore/health"):
        return PAGE if target == "/_stcore/health" else MISSING
    return SCRIPT if target == "/static/app.js" else html('<script src="./static/app.js"></script>')


def streamlit_socket(_: str, target: str) -> Answer:
    return SWITCHED if target == "/ws" else Answer(403)


FOUND = {
    "one page for everything, whose script is not below the prefix": (
        examined(index_for_all(("",), FILE)),
        ["VH401"],
    ),
    "one page for everything, whose script is at the root of the host": (
        examined(index_for_all(("",), FILE, lambda target: html(f'<script src="/app.js"></script>{target}'))),
        ["VH401"],
    ),
    "one page for everything, whose script is at the root of the host, and below the prefix too": (
        examined(index_for_all((*BOTH, ""), FILE, lambda _: html('<script src="/app.js"></script>'))),
        ["VH405"],
    ),
    "one page for everything, and a redirect that takes the slash away": (
        examined(index_for_all(("",), FILE | {f"{one}/": redirect(one) for one in (VERSION, ALIAS)}), ""),
        ["VH401"],
    ),
    "one page for everything, another each time": (
        examined(index_for_all(("",), FILE, lambda target: html(f'<script src="app.js"></script>{target}'))),
        ["VH401"],
    ),
    "one page for everything, under the version alone": (examined(index_for_all((VERSION,), FILE)), ["VH402"]),
    "one answer for everything, and routes without the prefix": (
        examined(index_for_all(("",), {"/predict": Answer(405)}, lambda _: PAGE), routes=("/predict",)),
        ["VH401"],
    ),
    "one page for everything, under Uvicorn": (examined(index_for_all(("",), FILE), known=code("uvicorn")), ["VH408"]),
    "a page below the prefix, and its script elsewhere": (
        examined(lambda _, target: {f"{VERSION}/": INDEX, f"{ALIAS}/": INDEX, "/app.js": SCRIPT}.get(target, MISSING)),
        ["VH401"],
    ),
    "a page whose base is the root": (
        examined(below(BOTH, {"/": html('<base href="/"><script src="main.js"></script>')})),
        ["VH405"],
    ),
    "a WebSocket that is refused below the prefix": (
        examined(below(BOTH, HOME), sockets=lambda _, target: SWITCHED if target == "/ws" else Answer(403)),
        ["VH412"],
    ),
    "a WebSocket under the version alone": (
        examined(below(BOTH, HOME), sockets=lambda _, target: SWITCHED if target.startswith(VERSION) else Answer(403)),
        ["VH412"],
    ),
    "nothing but a WebSocket is below the version, and all without it": (
        examined(below(("",), HOME), sockets=lambda _, target: SWITCHED if target == "/ws" else Answer(403)),
        ["VH401"],
    ),
    "the prefix is not known": (examined(below(("",), HOME)), ["VH401"]),
    "it is not known, and what failed is an honest 404": (examined(below(("",), HOME), "/nope"), ["VH401"]),
    "it is not known, and there is no alias": (examined(below(("",), HOME), alias=None), ["VH401"]),
    "only a path that takes another method is there": (
        examined(below(("",), {"/predict": Answer(405)}), "/predict"),
        ["VH401"],
    ),
    "only the version is known": (examined(below((VERSION,), HOME)), ["VH402"]),
    "only the version is known, on a path that is no root": (
        examined(below((VERSION,), {"/predict": PAGE}), "/predict"),
        ["VH402"],
    ),
    "the server is told a root path": (
        examined(below(("",), HOME), known=code("uvicorn", COMMAND, "FastAPI")),
        ["VH403"],
    ),
    "a middleware takes away what Gunicorn has taken": (
        examined(below((VERSION * 2, ALIAS * 2), HOME), wsgi=True),
        ["VH403"],
    ),
    "POST alone is there, and an API's docs without the prefix": (
        examined(below(("",), {"/docs": PAGE, "/openapi.json": PAGE}), "", code("uvicorn")),
        ["VH408"],
    ),
    "POST alone is there, and no docs": (
        examined(below(("",), {"/predict": Answer(405)}), "", routes=("/predict",)),
        ["VH401"],
    ),
    "POST alone is there, with the prefix twice": (
        examined(below((VERSION * 2, ALIAS * 2), {"/predict": Answer(405)}), "", wsgi=True, routes=("/predict",)),
        ["VH403"],
    ),
    "POST alone is there, under the version": (
        examined(below((VERSION,), {"/predict": Answer(405)}), "", routes=("/predict",)),
        ["VH402"],
    ),
    "a user is wanted where a public path has the prefix": (
        examined(lambda _, target: PAGE if target == "/health" else Answer(401), "", routes=("/health",)),
        ["VH401"],
    ),
    "one page for everything, and the app's own without the prefix": (
        examined(lambda _, target: Answer(405) if target == "/predict" else Answer(403), routes=("/predict",)),
        ["VH401"],
    ),
    "a name of this machine alone is accepted": (
        examined(lambda *_: Answer(400), local=below(BOTH, HOME)),
        ["VH411"],
    ),
    "a name of this machine alone is accepted, and there is no root": (
        examined(lambda *_: Answer(400), local=lambda *_: MISSING),
        ["VH411"],
    ),
    "routes are chosen by a name of this machine": (
        examined(lambda *_: MISSING, local=below(BOTH, {"/predict": Answer(405)}), routes=("/predict",)),
        ["VH411"],
    ),
    "no host is accepted": (
        examined(lambda *_: Answer(400), known=replace(code(framework="Django"), hosts=NO_HOST)),
        ["VH411"],
    ),
    "a redirect to the root": (
        examined(below(BOTH, HOME | {"/moved": redirect("/result")}), "/moved"),
        ["VH404"],
    ),
    "a redirect to this host's root, as a whole URL": (
        examined(below(BOTH, {"/": redirect(f"http://{HOST}/login?next=x")})),
        ["VH404"],
    ),
    "a redirect upwards": (examined(below(BOTH, {"/": redirect("../../../../../login")})), ["VH404"]),
    "a link to the root": (examined(below(BOTH, {"/": html('<a href="/upload">')})), ["VH405"]),
    "a link to the machine of the reader": (
        examined(below(BOTH, {"/": html('<form action="http://localhost:8000/upload">')})),
        ["VH405"],
    ),
    "a redirect to the machine of the reader": (
        examined(below(BOTH, {"/": redirect("http://127.0.0.1:8000/docs")})),
        ["VH404"],
    ),
    "a script of the page that asks the root": (
        examined(below(BOTH, ASKING), known=replace(code(), leading=(("/predict", MADE),))),
        ["VH405"],
    ),
    "a script that asks the root": (examined(below(BOTH, {"/": html("<script>fetch('/predict')")})), ["VH405"]),
    "a schema at the root": (examined(below(BOTH, HOME | {"/docs": SWAGGER}), docs=("/docs",)), ["VH406"]),
    "a schema at the root, by ReDoc": (examined(below(BOTH, HOME | {"/redoc": REDOC}), "/redoc"), ["VH406"]),
    "a cookie for the host": (
        examined(below(BOTH, {"/": with_header("set-cookie", "session=x; HttpOnly; Path=/")})),
        ["VH407"],
    ),
    "a cookie for a path that the app has without the prefix": (
        examined(below(BOTH, {"/": with_header("set-cookie", "session=x; HttpOnly; Path=/login")})),
        ["VH415"],
    ),
    "a cookie for the version, under an alias": (
        examined(lambda *_: with_header("set-cookie", f"session=x; Path={VERSION}/")),
        ["VH415"],
    ),
    "a cookie for an endpoint of nearly this name": (
        examined(below(BOTH, {"/": with_header("set-cookie", f"session=x; Path={VERSION}s")})),
        ["VH415"],
    ),
    "a cookie for the host, and one for a path of it": (
        examined(
            below(
                BOTH,
                {"/": Answer(200, (*with_header("set-cookie", "a=x; Path=/").headers, ("set-cookie", "b=x; Path=/b")))},
            )
        ),
        ["VH407", "VH415"],
    ),
    "a cookie for the project": (
        examined(below(BOTH, {"/": with_header("set-cookie", "session=x; path=/acme/shop/")})),
        ["VH407"],
    ),
    "Uvicorn without the prefix": (examined(below(("",), HOME), known=code("uvicorn")), ["VH408"]),
    "Uvicorn, by what it says": (
        examined(below(("",), {"/": with_header("server", "uvicorn")})),
        ["VH408"],
    ),
    "a root of LitServe's that stays where it is, and its route under the version": (
        examined(
            lambda _, target: PAGE if target in {"/", f"{VERSION}/predict"} else MISSING,
            "/predict",
            code("uvicorn", framework="LitServe"),
        ),
        ["VH402"],
    ),
    "the same, where nobody has asked for its route": (
        examined(
            lambda _, target: {"/": PAGE, f"{VERSION}/predict": Answer(405)}.get(target, MISSING),
            known=code("uvicorn", framework="LitServe"),
            routes=("/predict",),
        ),
        ["VH402"],
    ),
    "a single-page app at its URL itself, where another path of it was asked for": (
        examined(streamlit, "/_stcore/health", code(framework="Streamlit"), sockets=streamlit_socket),
        ["VH401"],
    ),
    "one route of several without its prefix": (
        examined(lambda _, target: PAGE if target in {f"{VERSION}/", f"{ALIAS}/", "/predict"} else MISSING, "/predict"),
        ["VH401"],
    ),
    "Gunicorn under an alias": (examined(under_gunicorn, known=code("gunicorn")), ["VH409"]),
    "only with a slash": (examined(below(BOTH, HOME | {"/predict/": PAGE}), "/predict"), ["VH410"]),
    "only without a slash": (examined(below(BOTH, HOME | {"/predict": Answer(405)}), "/predict/"), ["VH410"]),
    "the root only with its slash": (examined(below(BOTH, HOME), ""), ["VH410"]),
    "a page without a slash, and its script beside it": (examined(below(BOTH, AT_URL | FILE), ""), ["VH414"]),
    "such a page of a single-page app": (examined(index_for_all(BOTH, FILE), ""), ["VH414"]),
    "such a page whose base is where it is": (
        examined(below(BOTH, FILE | {"": html('<base href="./"><script src="app.js"></script>')}), ""),
        ["VH414"],
    ),
    "a form of a page without a slash": (
        examined(below(BOTH, HOME | {"": html('<form action=predict method="post">')}), ""),
        ["VH414"],
    ),
    "a request of a page without a slash": (
        examined(below(BOTH, HOME | {"": html("<script>fetch(`./predict`, {method: 'POST'})</script>")}), ""),
        ["VH414"],
    ),
    "a request of such a page's script": (
        examined(
            below(
                BOTH, {one: PREFIXED for one in ("", "/")} | {"/app.js": replace(SCRIPT, body="axios.post('predict')")}
            ),
            "",
            routes=("/predict",),
        ),
        ["VH414"],
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_it_is_found(name):
    evidence, expected = FOUND[name]
    assert codes(evidence) == expected


SOUND = {
    "one page for everything, with its script": examined(index_for_all(BOTH, FILE), routes=("/predict",)),
    "one page for everything, below and outside of the prefix": examined(index_for_all((*BOTH, ""), FILE)),
    "one answer for everything": examined(lambda *_: PAGE, routes=("/predict",)),
    "a script that nobody has": examined(below(BOTH, {"/": INDEX})),
    "scripts of others": examined(below(BOTH, {"/": html('<script src="https://cdn.example.com/x.js"></script>')})),
    "a base that is the prefix": examined(
        lambda prefix, target: (
            html(f'<base href="{prefix}/"><script src="app.js"></script>')
            if target == f"{prefix}/"
            else SCRIPT
            if target == f"{prefix}/app.js"
            else MISSING
        )
    ),
    "a WebSocket": examined(below(BOTH, HOME), sockets=lambda *_: SWITCHED),
    "a WebSocket for users": examined(below(BOTH, HOME), sockets=lambda *_: Answer(403)),
    "a WebSocket that fails": examined(
        below(BOTH, HOME), sockets=lambda _, target: SWITCHED if target == "/ws" else FAILED
    ),
    "a host of the app's own is accepted, and this machine's": examined(
        lambda *_: Answer(400), local=below(BOTH, HOME), other_hosts=("api.acme.com",)
    ),
    "all is 400, and nobody knows why": examined(lambda *_: Answer(400)),
    "POST alone": examined(below(BOTH, {"/predict": Answer(405)}), "", routes=("/predict",)),
    "POST alone, with docs elsewhere": examined(
        lambda _, target: (
            Answer(405)
            if target in {f"{VERSION}/predict", f"{ALIAS}/predict"}
            else PAGE
            if target == "/docs"
            else MISSING
        ),
        "",
        docs=("/docs",),
        routes=("/predict",),
    ),
    "POST at the root": examined(below(BOTH, {"/": Answer(405), "": Answer(405)}), ""),
    "POST alone, with docs": examined(below(BOTH, {"/docs": PAGE, "/openapi.json": PAGE}), ""),
    "no host is accepted": examined(lambda *_: Answer(400), local=lambda *_: Answer(400)),
    "an app that knows every prefix": examined(below(BOTH, HOME)),
    "an app that reads the header": examined(reads_header),
    "its honest 404": examined(below(BOTH, HOME), "/nope"),
    "its honest 404 with a slash": examined(below(BOTH, HOME), "/nope/"),
    "an app that also answers without the prefix": examined(below((*BOTH, ""), HOME), "/nope"),
    "an app without a root": examined(below(BOTH, {"/predict": PAGE}), "/nope"),
    "an app that answers everything": examined(lambda *_: PAGE, "/nope"),
    "an app that has nothing": examined(lambda *_: MISSING, "/nope"),
    "an app that fails everywhere": examined(lambda *_: FAILED),
    "an app that fails on one path": examined(below(BOTH, HOME | {"/bug": FAILED}), "/bug"),
    "an app that wants a user everywhere": examined(lambda *_: Answer(401)),
    "an app that answers everything outside of the prefix": examined(
        lambda _, target: MISSING if target.startswith("/acme") else PAGE
    ),
    "a page that is there under the version alone, of an app that knows the alias": examined(
        lambda _, target: PAGE if target in {f"{VERSION}/", f"{ALIAS}/", f"{VERSION}/jobs/1"} else MISSING, "/jobs/1"
    ),
    "a redirect below the prefix": examined(
        lambda prefix, target: redirect(f"{prefix}/where") if target == f"{prefix}/" else PAGE
    ),
    "a redirect to what is no URL": examined(below(BOTH, {"/": redirect("http://[x/login")})),
    "a redirect to another host": examined(below(BOTH, {"/": redirect("https://example.com/login")})),
    "a redirect to another port": examined(below(BOTH, {"/": redirect(f"http://{HOST}:9/login")})),
    "a redirect to another endpoint of the deployment": examined(
        below(BOTH, {"/": redirect("/acme/shop/main/dev/other/")})
    ),
    "a relative redirect": examined(below(BOTH, {"/": redirect("where")})),
    "a redirect that only adds the slash": examined(
        lambda prefix, target: (
            PAGE
            if target in {f"{prefix}/", f"{prefix}/a/"}
            else redirect(f"{target}/")
            if target[-2:] == "/a"
            else MISSING
        ),
        "/a",
    ),
    "links below the prefix, relative, and elsewhere": examined(
        below(BOTH, {"/": html(f'<a href="{VERSION}/x"><a href="x"><a href="//cdn.org/x"><a href="https://a.org/x">')})
    ),
    "a link in what is no page": examined(below(BOTH, {"/": Answer(200, (), '<a href="/x">')})),
    "a link on the page of a redirect": examined(
        below(BOTH, {"/": Answer(302, (("content-type", "text/html"), ("location", "x")), '<a href="/x">')})
    ),
    "a page with a base": examined(below(BOTH, {"/": html('<base href="x/"><a href="/x">')})),
    "a page of an error": examined(
        below(BOTH, {"/": Answer(404, (("content-type", "text/html"),), '<a href="/x">')}), "/x"
    ),
    "docs below the prefix": examined(
        lambda prefix, target: html(f"SwaggerUIBundle({{ url: '{prefix}/openapi.json' }})"), docs=("/docs",)
    ),
    "a script that the project has no lines of": examined(below(BOTH, ASKING)),
    "a cookie for the endpoint": examined(lambda prefix, _: with_header("set-cookie", f"session=x; Path={prefix}/")),
    "a cookie for the endpoint, without the slash": examined(
        lambda prefix, _: with_header("set-cookie", f"session=x; Path={prefix}")
    ),
    "a cookie for a part of the endpoint": examined(
        lambda prefix, _: with_header("set-cookie", f"session=x; Path={prefix}/admin")
    ),
    "a cookie whose path is none": examined(below(BOTH, {"/": with_header("set-cookie", "session=x; Path=login")})),
    "a cookie that is deleted by its date": examined(
        below(BOTH, {"/": with_header("set-cookie", "s=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/login")})
    ),
    "a cookie without a path": examined(below(BOTH, {"/": with_header("set-cookie", "session=x")})),
    "a cookie of Streamlit's own": examined(
        below(BOTH, {"/": with_header("set-cookie", "_streamlit_xsrf=2|x; Path=/")})
    ),
    "a cookie that is deleted": examined(below(BOTH, {"/": with_header("set-cookie", "s=; Max-Age=0; Path=/")})),
    "500 under an alias by another server": examined(under_gunicorn, known=code("waitress-serve")),
    "Gunicorn by wsgi": examined(under_gunicorn, known=code("gunicorn"), wsgi=True),
    "a page that is led to its slash": examined(
        lambda prefix, target: redirect(f"{prefix}/") if target == prefix else below(BOTH, FILE)(prefix, target),
        "",
    ),
    "a page without a slash, and a script that nobody has": examined(below(BOTH, {"": INDEX, "/": INDEX}), ""),
    "a page without a slash that needs nothing": examined(
        below(BOTH, {one: html('<a href="#top"><a href="?more"><form method="post">') for one in ("", "/")}), ""
    ),
    "a page without a slash that leads to another endpoint": examined(
        below(BOTH, {one: html('<a href="greet"><a href="score/docs">') for one in ("", "/")}), ""
    ),
    "a page without a slash that adds it": examined(
        below(BOTH, {"": html(INDEX.body + "<script>if (!/x/.test(location.pathname)) 0</script>")} | FILE), ""
    ),
    "a page without a slash whose base is the prefix": examined(
        lambda prefix, target: below(
            BOTH, {one: html(f'<base href="{prefix}/">{INDEX.body}') for one in ("", "/")} | {"/app.js": SCRIPT}
        )(prefix, target),
        "",
    ),
    "Gunicorn that fails everywhere": examined(lambda *_: FAILED, known=code("gunicorn")),
}


@pytest.mark.parametrize("name", SOUND)
def test_nothing_is_found(name):
    assert codes(SOUND[name]) == []


@pytest.mark.parametrize(
    ("name", "caveat"),
    [
        ("POST alone is there, and no docs", "but answers 404 below its prefix"),
        ("a user is wanted where a public path has the prefix", "but answers 401 below its prefix"),
        ("POST alone is there, under the version", "but answers 404 under aliases"),
        ("Gunicorn under an alias", "but answers 500 under aliases"),
        ("a name of this machine alone is accepted", "but answers 400 to production's host"),
        ("a link to the root", ""),
        ("one page for everything, under Uvicorn", "but its page lacks what it needs below its prefix"),
    ],
)
def test_a_finding_tells_what_ready_does_not_say(name, caveat):
    (finding,) = find(FOUND[name][0])
    assert finding.caveat == caveat


def test_a_root_path_of_the_app_s_own_is_pointed_to():
    known = replace(code(framework="FastAPI"), own_root_path=Place(Path("server.py"), 5))
    (finding,) = find(examined(below(("",), HOME), known=known, wsgi=True))
    assert (finding.definition.code, finding.place.line) == ("VH401", 5)
    assert finding.change == "remove `root_path`: `wsgi` sets it for each request"


def test_a_finding_points_to_the_app_or_to_what_starts_it():
    assert [finding.place for finding in find(FOUND["the prefix is not known"][0])] == [MADE]
    assert [finding.place for finding in find(FOUND["Uvicorn without the prefix"][0])] == [COMMAND]


def test_a_finding_names_the_endpoint_and_the_framework_where_the_remedy_differs():
    (of_app,) = find(FOUND["the prefix is not known"][0])
    (of_server,) = find(FOUND["Gunicorn under an alias"][0])
    assert (of_app.endpoint, of_app.framework) == ("greet", "Flask")
    assert (of_server.endpoint, of_server.framework) == ("greet", "")


def test_a_sound_app_is_asked_for_nothing_but_its_own_paths():
    asked = examined(below(BOTH, HOME)).answers
    assert [one.target for one in asked] == [f"{VERSION}/", f"{ALIAS}/", f"{VERSION}{NONSENSE}"]


def test_no_app_is_asked_more_than_two_dozen_times():
    assert max(len(evidence.answers) for evidence in (*SOUND.values(), *(one for one, _ in FOUND.values()))) <= 26


def the_one(evidence):
    (finding,) = find(evidence)
    return finding


@pytest.mark.parametrize(
    ("framework", "change"),
    [
        (
            "Flask",
            "write `wsgi: MODULE:NAME` instead of the command at valohai.yaml:4; or remove the prefix from the path",
        ),
        ("Node", "remove the prefix in `X-VH-Prefix` from the path"),
        ("BentoML", "give it its prefix"),
        ("Streamlit", "give it its prefix"),
        ("Dash", "give it its prefix"),
        ("Sanic", "remove the prefix in `X-VH-Prefix` from the path, in an ASGI app around it"),
        ("Tornado", "begin each route with `(?:/[^/]+){5}`, the segments of the prefix"),
        (
            "",
            "remove the prefix in `X-VH-Prefix` from the path; a WSGI or ASGI app can be served by `wsgi: MODULE:NAME` "
            "instead",
        ),
    ],
)
def test_nobody_is_told_to_do_what_their_framework_cannot(framework, change):
    found = the_one(examined(below(("",), HOME), known=replace(code(framework=framework), made=None)))
    assert (found.definition.code, found.framework, found.change) == ("VH401", framework, change)


def test_sanic_is_not_told_that_wsgi_would_do():
    found = the_one(examined(below(("",), HOME), known=code(framework="Sanic"), wsgi=True))
    assert (found.definition.code, found.framework) == ("VH401", "Sanic")
    assert found.change.endswith("in an ASGI app around it")


def test_who_is_served_by_wsgi_is_not_told_to_be():
    found = the_one(examined(below(("",), HOME), known=code(framework="Flask"), wsgi=True))
    assert (found.definition.code, found.framework) == ("VH401", ""), "the framework's remedy is to write `wsgi`"
    assert found.change.startswith("`wsgi` passes the prefix in SCRIPT_NAME or root_path")


@pytest.mark.parametrize(
    ("said", "name"), [("uvicorn", "Uvicorn"), ("hypercorn-h11", "Hypercorn"), ("daphne", "Daphne")]
)
def test_the_server_is_called_by_its_own_name(said, name):
    app = below(("",), {"/": with_header("server", said)})
    found = the_one(examined(app, known=code(framework="FastAPI")))
    assert (found.definition.code, found.seen.partition(" passes")[0]) == ("VH408", name)
    assert the_one(examined(below(("",), HOME), known=code("fastapi"))).seen.startswith("Uvicorn passes")


@pytest.mark.parametrize("framework", ["Gradio", "LitServe"])
def test_a_framework_that_brings_uvicorn_is_told_its_prefix(framework):
    found = the_one(examined(below(("",), HOME), known=code("uvicorn", framework=framework)))
    assert (found.definition.code, found.framework, found.change) == ("VH408", framework, "give it its prefix")


@pytest.mark.parametrize("framework", ["BentoML", "Dash", "Gradio", "LitServe", "Streamlit"])
def test_a_framework_of_one_prefix_is_right_under_the_versions_url(framework):
    found = the_one(examined(below((VERSION,), HOME), known=code(framework=framework)))
    assert (found.definition.code, found.framework) == ("VH402", framework)
    assert found.change == "let clients use the version's URL, or let the app answer under both"


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        (f"{VERSION}/run", False),
        ("/{owner}/{project}/{deployment}/{version}/greet/run", False),
        ("/run", True),
        ("/{owner}/{project}/{deployment}/{version}/score/run", True),
    ],
)
def test_docs_without_the_prefix_prove_nothing_where_they_list_routes_below_it(listed, found):
    """A route that is not asked for, because a word of its path does something."""
    schema = Answer(200, (("content-type", "application/json"),), json.dumps({"paths": {listed: {"get": {}}}}))
    app = below(("",), {"/docs": html("docs"), "/openapi.json": schema})
    findings = find(examined(app, "/", code("uvicorn", framework="FastAPI"), docs=("/docs",)))
    assert [finding.definition.code for finding in findings] == (["VH408"] if found else [])
