"""Where pages and scripts lead that is outside of every endpoint: the host's root, and the reader's own machine."""

from __future__ import annotations

import pytest

from vhlocal.checks.links import absolute_links, absolute_requests

LEADING = {
    "a request": ("<script>fetch('/predict')", "/predict"),
    "a request to this machine": ("<script>fetch('http://localhost:8000/predict')", "http://localhost:8000/predict"),
    "a link to this machine": ('<a href="http://127.0.0.1:5000">', "http://127.0.0.1:5000"),
    "an old request": ("<script>x.open('POST', '/predict')", "/predict"),
    "a request of jQuery's": ("<script>$.ajax({type: 'POST', url: '/predict'})", "/predict"),
    "a request of axios'": ("<script>axios.post('/predict')", "/predict"),
    "a stream of events": ("<script>new EventSource('/events')", "/events"),
    "a WebSocket by the host": ("<script>new WebSocket('wss://' + location.host + '/ws')", "/ws"),
    "a WebSocket by the host in a text": ("<script>new WebSocket(`ws://${window.location.host}/ws`)", "/ws"),
    "a request by the origin": ("<script>fetch(window.location.origin + '/predict')", "/predict"),
    "another page": ("<script>window.location.href = '/done'", "/done"),
    "another page by a call": ("<script>location.assign('/done')", "/done"),
    "another page at once": ('<meta http-equiv="refresh" content="0; url=/docs">', "/docs"),
    "a picture of a style": ("<style>body { background: #fff url('/static/a.png') }", "/static/a.png"),
    "a button of htmx": ('<button hx-delete="/items/1">', "/items/1"),
}
STAYING = (
    "<script>fetch('predict')",
    "<script>fetch('https://localhost.example.com/predict')",
    "<script>fetch(`${base}/predict`)",
    "<script>axios.defaults.baseURL = base; axios.post('/predict')",
    "<script>new WebSocket(`ws://${location.host}${location.pathname}ws`)",
    "<script>new WebSocket(`ws://${location.host}/{{ prefix }}/ws`)",
    "<script>if (location.href == '/done') {}",
    "<script>$.ajax({url: 'predict'})",
    "<style>body { background: url(static/a.png) }",
    "<pre>curl http://localhost:8000/predict</pre><input placeholder='http://localhost:8000/'>",
)


@pytest.mark.parametrize("name", LEADING)
def test_a_page_leads_outside(name):
    text, path = LEADING[name]
    assert list(absolute_links(f"<!-- {text} -->\n{text}")) == [(2, path)]


@pytest.mark.parametrize("text", STAYING)
def test_a_page_stays_inside_or_nobody_knows(text):
    assert list(absolute_links(text)) == []


def test_a_script_asks_outside():
    script = "// fetch('/a')\n/* fetch('/b')\n*/ fetch('/c') // fetch('/d')\nconst text = '<a href=\"/e\">'\n"
    assert list(absolute_requests(script)) == [(3, "/c")]
