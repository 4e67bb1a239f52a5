"""What a page needs, as far as it is below the endpoint's prefix."""

from __future__ import annotations

import pytest

from tests.checks.prefix.apps import VERSION
from vhlocal.checks.prefix.assets import assets_of, base_of, needs_base, relative_in, requested_in

PAGES = {
    "scripts, styles and pictures, in this order": (
        '<img src="a.png"><link href=s.css rel="stylesheet"><script src=\'x/app.js\'></script>',
        ("/x/app.js", "/s.css", "/a.png"),
    ),
    "each once, without what follows a question mark": (
        '<script src="a.js?1"></script><script src="./a.js">',
        ("/a.js",),
    ),
    "three": ("".join(f'<script src="{name}.js">' for name in "abcde"), ("/a.js", "/b.js", "/c.js")),
    "by the prefix": (f'<script src="{VERSION}/static/app.js">', ("/static/app.js",)),
    "by the base": (f'<base href="{VERSION}/app/"><script src="main.js">', ("/app/main.js",)),
    "icons, languages and data are not needed": (
        '<link rel="icon" href="i.png"><link rel="alternate" href="de"><script data-src="x.js"></script>',
        (),
    ),
    "nothing that is elsewhere": (
        '<script src="/app.js"></script><script src="//cdn.example.com/x.js"></script>'
        '<img src="data:image/png;base64,A">'
        '<img src="../up.png"><script src="http://[x/"></script>',
        (),
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_needs(name):
    page, paths = PAGES[name]
    assert assets_of(page, f"{VERSION}/", VERSION) == paths


def test_a_base_counts_where_something_begins_with_it():
    assert base_of('<BASE target="_top" href="/">') == "/"
    assert base_of("<baseline>") is None
    assert needs_base('<script src="main.js">')
    assert not needs_base('<script src="/main.js"></script><img src="https://example.com/x.png">')


def test_what_begins_where_the_page_is():
    page = """<script src="static/app.js"></script> <a href=about>
<!-- <form action="old"> -->
<form action='predict'> <button formaction="other"></button>
<script>fetch("./score")</script><link rel="icon" href="i.png">
"""
    assert relative_in(page) == ((1, "static/app.js"), (1, "about"), (3, "predict"), (3, "other"), (4, "./score"))
    assert requested_in("fetch('predict'); axios.post(`/root`); fetch(url); $.get('a b')") == ("predict",)


@pytest.mark.parametrize(
    "address",
    ["/app.js", "//cdn.example.com/x.js", "https://a.org/x.js", "data:,x", "{{ url }}", "{{ root }}/x.js", "<%= x %>"],
)
def test_what_begins_elsewhere(address):
    assert relative_in(f'<script src="{address}"></script>') == ()


@pytest.mark.parametrize(
    "minding",
    [
        '<base href="/x/">',
        '<base href="{{ root }}/">',
        "<script>location.replace(location.pathname + '/')</script>",
        "<script>document.createElement('base')</script>",
        '<meta http-equiv="refresh" content="0; url=x">',
    ],
)
def test_a_page_that_looks_after_its_own_url(minding):
    assert relative_in(f'{minding}<script src="app.js"></script>') == ()
    assert relative_in('<base href="./"><script src="app.js"></script>') == ((1, "app.js"),)
