"""Requests that production's ingress refuses are refused: each was sent to an nginx, which answered as is said here."""

from __future__ import annotations

import pytest

from vhlocal.gateway.head import HeadError, parse_request
from vhlocal.gateway.strict import hopeless

PREFIX = "/o/p/d/v/e"
UP = "/.." * 5


def answered(tail: str = "", fields: str = "") -> int:
    """The status that a request with such a target and such fields is refused with, 200 where it passes."""
    try:
        request = parse_request(f"GET {PREFIX}{tail} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode())
    except HeadError as error:
        return error.status
    assert request.target == f"{PREFIX}{tail}".encode()
    return 200


@pytest.mark.parametrize(
    ("tail", "status"),
    [
        ("/a%00b", 400),
        ("/%", 400),
        ("/a%z", 400),
        ("/a%4", 400),
        ("/a%4g", 400),
        ("/a%4G%41", 400),
        ("/a%41%2f%2E%fF", 200),
        ("/a?%zz&%00", 200),
        ("/a#%zz", 200),
        (UP, 200),
        (f"{UP}/..", 400),
        (f"{UP}/../", 400),
        (f"{UP}/a/../..", 400),
        (f"{UP}/./..", 400),
        (f"{UP}/%2e%2E", 400),
        (f"{UP}/.%2e", 400),
        ("/..%2f..%2F..%2f..%2f..%2f..%2f..", 400),
        (f"/{UP}", 200),
        (f"/{UP}/..", 400),
        (f"{UP}/...", 200),
        (f"?{UP}/..", 200),
    ],
)
def test_a_path_is_refused_as_nginx_refuses_it(tail, status):
    assert answered(tail) == status


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Content-Range",
        "Expect",
        "If-Match",
        "If-Modified-Since",
        "If-None-Match",
        "If-Range",
        "If-Unmodified-Since",
    ],
)
def test_a_field_that_there_is_once_is_not_repeated(name):
    assert answered(fields=f"{name}: a\r\n") == 200
    assert answered(fields=f"{name}: a\r\nX: y\r\n{name.lower()}: b\r\n") == 400


@pytest.mark.parametrize("name", ["Cookie", "Accept", "X-Forwarded-For", "Range", "Referer", "User-Agent", "If-Match2"])
def test_other_fields_may_be_repeated(name):
    assert answered(fields=f"{name}: a\r\n{name}: b\r\n") == 200


@pytest.mark.parametrize(("length", "status"), [(8190, 200), (8191, 431), (20_000, 431)])
def test_a_line_fits_into_one_of_nginx_buffers(length, status):
    """Beside it are others: each has a buffer of its own."""
    line = f"X-A: {'a' * (length - 5)}\r\n"
    assert answered(fields=f"{line}X-B: {'b' * 8000}\r\n") == status


@pytest.mark.parametrize(
    "target", ["*", "", "a", "?a", "#a", "http:", "http:a", "http:/a", "http://", "http:///a", "a:80"]
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "HEAD"])
def test_a_target_is_a_path_or_has_a_host(method, target):
    with pytest.raises(HeadError) as caught:
        parse_request(f"{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert caught.value.status == 400


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding"])
@pytest.mark.parametrize("value", ["\t{}", " \t {}", " {}\t", " {} \t "])
def test_what_nginx_reads_itself_has_no_tabs(name, value):
    values = {"Host": "a", "content-length": "1", "Transfer-Encoding": "chunked"}
    lines = [f"{each}:{value.format(values[each]) if each == name else ' a'}" for each in dict.fromkeys(["Host", name])]
    with pytest.raises(HeadError) as caught:
        parse_request("\r\n".join([f"POST {PREFIX} HTTP/1.1", *lines, "X:\tb\t", "", ""]).encode())
    assert caught.value.status == (501 if name == "Transfer-Encoding" else 400)
    assert answered(fields="X:\tb\t\r\nContent-Length:  1  \r\n") == 200


@pytest.mark.parametrize(
    ("tail", "stays"),
    [
        ("", True),
        ("/a/..", True),
        ("/..", False),
        ("/../e", True),
        ("/../e/", True),
        ("/../f", False),
        ("/../ef", False),
        ("/%2e%2E/f", False),
        ("/..%2ff", False),
        ("/..%2fe/a", True),
        ("/a%2f..%2f..%2fb", False),
        ("//../a", False),
        ("/..;/a", True),
        ("/...", True),
        ("/.", True),
        ("/%41?/../..", True),
        ("/a#/../..", True),
        ("/\\..\\a", True),
        (f"{UP}/a", False),
        (f"{UP}{PREFIX}/a", True),
    ],
)
def test_what_leads_out_of_the_prefix_is_no_request_to_its_endpoint(tail, stays):
    request = parse_request(f"GET {PREFIX}{tail} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert request.prefix == (PREFIX if stays else None)


@pytest.mark.parametrize(
    ("size", "most"), [(1500, 20), (2731, 8), (4000, 8), (4095, 8), (4096, 7), (4097, 4), (8000, 4)]
)
def test_headers_fit_into_nginx_buffers_with_whole_lines(size, most):
    """So many lines of this size an nginx took, beside the request line and ``Host``."""
    line = f"X: {'a' * (size - 5)}\r\n"
    assert answered(fields=line * most) == 200
    assert answered(fields=line * (most + 1)) == 431


@pytest.mark.parametrize("method", ["GET", "PROPFIND"])
def test_the_whole_request_line_fits_into_a_buffer(method):
    longest = 8192 - len(f"{method}  HTTP/1.1\r\n")
    for length, status in ((longest, None), (longest + 1, 414)):
        head = f"{method} {PREFIX.ljust(length, 'a')} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        if status is None:
            assert len(parse_request(head).target) == length
        else:
            with pytest.raises(HeadError) as caught:
                parse_request(head)
            assert caught.value.status == status


@pytest.mark.parametrize(
    "beginning", [b"\x16\x03\x01\x02\x00", b"get / HTTP/1.1", b"\0", b" GET", b"\xef\xbb\xbfGET", b"{"]
)
def test_what_no_request_begins_with_is_not_waited_for(beginning):
    assert hopeless(beginning)


@pytest.mark.parametrize("beginning", [b"G", b"GET / HT", b"\r", b"_X", b"-"])
def test_what_may_become_a_request_is_waited_for(beginning):
    assert hopeless(beginning) is None
