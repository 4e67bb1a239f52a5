"""URLs that are made of the request's own host: where they lead, and which of them are none of those."""

from __future__ import annotations

import ast

import pytest

from vhlocal.checks.host_urls import behind_host
from vhlocal.checks.modules import Module

START = "from flask import request\nfrom urllib.parse import urljoin\nROOT = request.host_url\n"


def led_by(code: str, directory):
    file = directory / "web.py"
    file.write_text(f"{START}{code}\n")
    module = Module("web.py", file)
    assert module.tree is not None
    last = module.tree.body[-1]
    assert isinstance(last, ast.Expr)
    found = behind_host(module, last.value)
    return None if found is None else (found.path, found.whole)


@pytest.mark.parametrize(
    ("code", "led"),
    [
        ("request.host_url + 'result'", ("/result", True)),
        ("request.host_url.rstrip('/') + '/result'", ("/result", True)),
        ("request.host_url", ("/", True)),
        ("ROOT + 'result'", ("/result", True)),
        ("f'{request.host_url}result/{number}'", ("/result/", False)),
        ("'http://' + request.host + '/result'", ("/result", True)),
        ("f'https://{request.host}/result?a={b}'", ("/result?a=", False)),
        ("f'{request.scheme}://{request.host}/result'", ("/result", True)),
        ("f'//{request.get_host()}/result'", ("/result", True)),
        ("f'http://{self.request.headers[\"Host\"]}/result'", ("/result", True)),
        ("'http://' + request.headers.get('host', '') + '/result'", ("/result", True)),
        ("'http://' + environ['HTTP_HOST'] + '/result'", ("/result", True)),
        ("f'http://{request.url.netloc}/result'", ("/result", True)),
        ("urljoin(request.url_root, '/result')", ("/result", True)),
        ("urljoin(str(request.base_url), '/result')", ("/result", True)),
        ("request.build_absolute_uri('/result')", ("/result", True)),
    ],
)
def test_p1_a_path_behind_the_host_leaves_the_prefix(code, led, tmp_path):
    assert led_by(code, tmp_path) == led


@pytest.mark.parametrize(
    "code",
    [
        "request.url_root + 'result'",  # below the prefix where it is told
        "str(request.base_url) + 'result'",
        "request.host_url + request.script_root + '/result'",
        "request.host_url.rstrip('/') + prefix + '/result'",
        "f'http://{request.host}{request.script_root}/result'",
        "f'http://{request.host}/{prefix}/result'",
        "f'http://{request.host}:{port}/result'",
        "f'http://{request.host}/result{number}'",
        "f'http://{other}/result'",
        "'http://example.org/result'",
        "urljoin(request.url_root, 'result')",
        "urljoin(elsewhere, '/result')",
        "request.build_absolute_uri(url)",
        "request.build_absolute_uri()",
        "request.url",
    ],
)
def test_what_may_lead_below_the_prefix_or_elsewhere_is_left_alone(code, tmp_path):
    assert led_by(code, tmp_path) is None
