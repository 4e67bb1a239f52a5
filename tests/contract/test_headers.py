import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhlocal.contract.headers import (
    PRODUCTION_HOST,
    Hop,
    connection_tokens,
    end_to_end,
    ingress_headers,
    is_dropped,
    is_of_the_request,
    is_reserved,
    production_headers,
)

HOP = Hop(client="127.0.0.1", scheme="http", port=8080, request_id="abc")


def test_the_ingress_s_headers_are_set():
    """P7, K9: the prefix of this request, and what ingress-nginx adds."""
    assert ingress_headers(HOP, b"localhost:8080", "/a/b/c/dev/e") == [
        (b"X-VH-Prefix", b"/a/b/c/dev/e/"),
        (b"X-Request-ID", b"abc"),
        (b"X-Real-IP", b"127.0.0.1"),
        (b"X-Forwarded-For", b"127.0.0.1"),
        (b"X-Forwarded-Host", b"localhost:8080"),
        (b"X-Forwarded-Port", b"8080"),
        (b"X-Forwarded-Proto", b"http"),
        (b"X-Forwarded-Scheme", b"http"),
        (b"X-Scheme", b"http"),
    ]


def test_every_header_of_the_ingress_is_its_own():
    """P7, K9: a client's header of the same name would be a second one."""
    assert all(is_reserved(name) for name, _ in ingress_headers(HOP, b"h", "/"))


@pytest.mark.parametrize(
    "name", [b"X-VH-Prefix", b"x-vh-PREFIX", b"X-Forwarded-Anything", b"SCRIPT-NAME", b"Path-Info"]
)
def test_a_client_cannot_choose_them_in_any_spelling(name):
    """P7, K9; WSGI reads underscores as dashes, but those are dropped."""
    assert is_reserved(name)
    assert is_dropped(name.replace(b"-", b"_"))


@pytest.mark.parametrize("name", [b"X_User", b"_", b"_x", b"x_", b"Content_Length", b"a.b", b"a!", b"a~b", b"x\xe4"])
def test_headers_with_other_names_than_nginx_knows_are_dropped(name):
    """K9: ``ignore_invalid_headers`` on, ``underscores_in_headers`` off."""
    assert is_dropped(name)


@pytest.mark.parametrize("name", [b"X-User", b"a", b"7", b"-", b"Sec-WebSocket-Key", b"DNT"])
def test_letters_digits_and_dashes_are_not_dropped(name):
    """K9"""
    assert not is_dropped(name)


@pytest.mark.parametrize("name", [b"Host", b"X-Forward", b"X-VH", b"Authorization", b"Forwarded"])
def test_other_headers_are_the_client_s(name):
    """K9: only what the ingress sets is replaced."""
    assert not is_reserved(name)


def test_headers_of_the_hop_do_not_travel_on():
    """K9: the connection's own headers end here, those that Connection names too."""
    headers = [
        (b"Host", b"a"),
        (b"connection", b"close, X-Mine"),
        (b"Connection", b"x-yours ,"),
        (b"x-mine", b"1"),
        (b"X-Yours", b"1"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Keep-Alive", b"5"),
        (b"Accept", b"*/*"),
    ]
    assert end_to_end(headers) == [(b"Host", b"a"), (b"Accept", b"*/*")]
    assert connection_tokens(headers) == {b"close", b"x-mine", b"x-yours"}


fields = st.sampled_from([b"Connection", b"TE", b"Upgrade", b"A", b"b", b"Set-Cookie"])
tokens = st.sampled_from([b"a", b"B", b"close", b"keep-alive, b", b""])


@given(st.lists(st.tuples(fields, tokens)))
def test_what_travels_on_keeps_its_order_and_spelling(headers):
    """K9: nothing is added, changed or moved."""
    kept = end_to_end(iter(headers))
    rest = iter(headers)
    assert all(header in rest for header in kept)
    assert end_to_end(kept) == kept


def test_a_request_of_vhlocals_own_comes_as_through_productions_ingress():
    """P7, K9: over HTTPS and by the cluster's name, as every one does there."""
    names = production_headers("/a/b/c/dev/e", "abc")
    assert names == [
        (b"Host", PRODUCTION_HOST.encode()),
        *ingress_headers(Hop("127.0.0.1", "https", 443, "abc"), PRODUCTION_HOST.encode(), "/a/b/c/dev/e"),
    ]
    assert production_headers("/", "abc", "example.com")[0] == (b"Host", b"example.com")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in (b"Accept", b"Content-Type", b"Cookie", b"Authorization", b"X-Model")),
        *((name, False) for name in (b"Connection", b"Transfer-Encoding", b"HOST", b"Content-Length", b"expect")),
        *((name, False) for name in (b"X-Forwarded-For", b"X-VH-Prefix", b"X-Request-ID")),
    ],
)
def test_what_is_sent_again_is_what_the_request_says_of_itself(name, expected):
    """P7, K9: the rest is the connection's, the sender's or the ingress' to say."""
    assert is_of_the_request(name) is expected


def test_what_goes_to_no_endpoint_has_no_prefix():
    """P7: whatever else it is told by the ingress."""
    assert ingress_headers(HOP, b"h", None) == ingress_headers(HOP, b"h", "/a/b/c/d/e")[1:]
