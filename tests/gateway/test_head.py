"""Reading and writing heads, without sockets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhlocal.gateway.body import Framing
from vhlocal.gateway.head import (
    HeadError,
    _declared_framing,
    _scan,
    client_lines,
    has_bare_line_feed,
    may_switch,
    parse_request,
    parse_response,
    switch_lines,
    upstream_head,
    with_host,
    worker_scope_line,
)

HOP = ("10.0.0.9", 8000, "abc")


def head(*lines: bytes, first: bytes = b"GET /x HTTP/1.1", host: bytes = b"Host: localhost") -> bytes:
    return b"\r\n".join([first, *([host] if host else []), *lines, b"", b""])


def answer(*lines: bytes, first: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join([first, *lines, b"", b""])


REFUSED = {
    "both lengths": (400, head(b"Content-Length: 3", b"Transfer-Encoding: chunked")),
    "both lengths, other order": (400, head(b"Transfer-Encoding: chunked", b"Content-Length: 3")),
    "repeated length": (400, head(b"Content-Length: 3", b"Content-Length: 3")),
    "different lengths": (400, head(b"Content-Length: 3", b"Content-Length: 4")),
    "list of lengths": (400, head(b"Content-Length: 3, 3")),
    "signed length": (400, head(b"Content-Length: +3")),
    "negative length": (400, head(b"Content-Length: -3")),
    "hexadecimal length": (400, head(b"Content-Length: 0x3")),
    "empty length": (400, head(b"Content-Length:")),
    "length with a blank": (400, head(b"Content-Length: 1 2")),
    "length over all bounds": (400, head(b"Content-Length: 99999999999999999999")),
    "another coding": (400, head(b"Transfer-Encoding: gzip")),
    "a coding before chunked": (501, head(b"Transfer-Encoding: gzip, chunked")),
    "chunked not last": (400, head(b"Transfer-Encoding: chunked, gzip")),
    "chunked twice": (400, head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked")),
    "chunked twice in one": (400, head(b"Transfer-Encoding: chunked, chunked")),
    "identity": (400, head(b"Transfer-Encoding: identity")),
    "almost chunked": (400, head(b"Transfer-Encoding: xchunked")),
    "quoted chunked": (400, head(b'Transfer-Encoding: "chunked"')),
    "chunked with a vertical tab": (400, head(b"Transfer-Encoding: \x0bchunked")),
    "blank before the colon": (400, head(b"Transfer-Encoding : chunked")),
    "blank before the name": (400, head(b" Transfer-Encoding: chunked")),
    "folded header": (400, head(b"X: a", b" b")),
    "folded with a tab": (400, head(b"X: a", b"\tb")),
    "bare line feeds": (400, head().replace(b"\r\n", b"\n") + b"\r\n\r\n"),
    "one bare line feed": (400, head(b"X: a\nContent-Length: 3")),
    "bare carriage return": (400, head(b"X: a\rContent-Length: 3")),
    "NUL in a value": (400, head(b"X: a\0b")),
    "control character in a value": (400, head(b"X: a\x01b")),
    "NUL in a name": (400, head(b"X\0: a")),
    "no colon": (400, head(b"X")),
    "empty name": (400, head(b": a")),
    "chunked in HTTP/1.0": (400, head(b"Transfer-Encoding: chunked", first=b"POST / HTTP/1.0")),
    "no Host": (400, head(host=b"")),
    "two Hosts": (400, head(b"Host: other")),
    "a Host with a path": (400, head(host=b"Host: a/b")),
    "a Host with a user": (400, head(host=b"Host: a@b")),
    "a Host with a blank": (400, head(host=b"Host: a b")),
    "a relative target": (400, head(first=b"GET x HTTP/1.1")),
    "a target with a blank": (400, head(first=b"GET /a b HTTP/1.1")),
    "a target with a control character": (400, head(first=b"GET /a\x7f HTTP/1.1")),
    "a control character beside UTF-8": (400, head(first=b"GET /\xc3\xa4\x01 HTTP/1.1")),
    "no version": (400, head(first=b"GET /x")),
    "no version, and a blank": (400, head(first=b"GET /x ")),
    "half a version": (400, head(first=b"GET / HTTP/1")),
    "a version that ends in a dot": (400, head(first=b"GET / HTTP/1.")),
    "a version with a leading zero": (400, head(first=b"GET / HTTP/01.1")),
    "a version in small letters": (400, head(first=b"GET / http/1.1")),
    "a version with more behind it": (400, head(first=b"GET / HTTP/1.1x")),
    "RTSP": (400, head(first=b"GET / RTSP/1.0")),
    "RTSP with its own method": (400, head(first=b"DESCRIBE / RTSP/1.0")),
    "ICE": (400, head(first=b"SOURCE / ICE/1.0")),
    "HTTPS": (400, head(first=b"GET / HTTPS/1.1")),
    "another scheme": (400, head(first=b"GET ftp://h/x HTTP/1.1")),
    "HTTP/2": (505, head(first=b"GET / HTTP/2.0")),
    "HTTP/3": (505, head(first=b"GET / HTTP/3.0")),
    "HTTP/10": (505, head(first=b"GET / HTTP/10.0")),
    "HTTP/0.9": (400, head(first=b"GET / HTTP/0.9")),
    "HTTP/1.2 without Host": (400, head(first=b"GET / HTTP/1.2", host=b"")),
    "a method in small letters": (400, head(first=b"frob / HTTP/1.1")),
    "a known method in small letters": (400, head(first=b"get / HTTP/1.1")),
    "a method with a digit": (400, head(first=b"F1 / HTTP/1.1")),
    "a method with a sign": (400, head(first=b"GE!T / HTTP/1.1")),
    "a tab after the method": (400, head(first=b"GET\t/ HTTP/1.1")),
    "TRACE": (405, head(first=b"TRACE / HTTP/1.1")),
    "TRACE with a body": (405, head(b"Content-Length: 3", first=b"TRACE / HTTP/1.1")),
    "TRACE in HTTP/1.0": (405, head(first=b"TRACE / HTTP/1.0")),
    "TRACE of another host": (405, head(first=b"TRACE http://h/x HTTP/1.1")),
    "CONNECT": (405, head(first=b"CONNECT localhost:1 HTTP/1.1")),
    "CONNECT to a path": (405, head(first=b"CONNECT /x HTTP/1.1")),
    "an empty Host before a target's own": (400, head(host=b"Host:", first=b"GET http://a/ HTTP/1.1")),
    "a malformed Host before a target's own": (400, head(host=b"Host: a:x", first=b"GET http://a/ HTTP/1.1")),
    "a target without its host": (400, head(first=b"GET http:///x HTTP/1.1")),
    "a target with a malformed host": (400, head(first=b"GET http://[::1/x HTTP/1.1")),
    "a target with a user": (400, head(first=b"GET http://u@a/x HTTP/1.1")),
    "an empty Host in HTTP/1.0": (400, head(host=b"Host:", first=b"GET / HTTP/1.0")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_two_readers_could_read_differently_is_refused(name):
    status, raw = REFUSED[name]
    with pytest.raises(HeadError) as caught:
        parse_request(raw)
    assert caught.value.status == status, str(caught.value)


def test_framing_of_requests():
    assert parse_request(head()).framing is Framing.NONE
    assert parse_request(head(b"Content-Length: 0")).framing is Framing.NONE
    post = parse_request(head(b"content-LENGTH: 12 "))
    assert (post.framing, post.length) == (Framing.LENGTH, 12)
    assert parse_request(head(b"Transfer-Encoding: Chunked")).framing is Framing.CHUNKED


@pytest.mark.parametrize("blanks", [b" ", b"\t", b"  ", b" \t ", b" " * 8_000])
@pytest.mark.parametrize("more", [(), (b"X: y",)])
def test_blanks_after_a_value_are_no_part_of_it(blanks, more):
    """RFC 9110, section 5.5. What frames a body may have no tab: see ``test_strict``."""
    spaces = blanks.replace(b"\t", b" ")
    request = parse_request(head(b"Transfer-Encoding: chunked" + spaces, b"A: b" + blanks, *more))
    assert request.framing is Framing.CHUNKED
    assert (b"A", b"b") in request.headers
    assert (b"A", b"bX") in parse_request(head(b"A: bX" + blanks)).headers
    assert parse_request(head(b"Content-Length: 7" + spaces)).length == 7
    assert parse_request(head(b"Connection: close" + blanks)).keep_alive is False


HOSTS = (
    b"a a:80 a: a:0 a:65535 a. .a a_b a-b A.B:8080 127.0.0.1 127.0.0.1:8080 999.1.1.1 [::1] [::1]:80 [::] "
    b"[::ffff:1.2.3.4] [fe80::1%25eth0]:1 [v1.a:b] a%41b a,b;c=d a!b a~b (a) * xn--bcher-kva.example XX"
).split()
MALFORMED = (
    b"a:x a:80a a:-1 a:+1 a:1:2 a:65536 a:123456 : :80 ::1 [::1 ::1] [::1]] [[::1]] [::1]x [::1]:x [::1]:80:80 [] [zz] "
    b"[:::] [1:2:3 [1.2.3.4] [v.x] ] [ a]b a[b a[::1] . .. a..b a@b u:p@a a/b a?b a#b a\\b <a> {a} a|b a^b a`b % %4 "
    b'%zz a"b '
    b"a%00b%g1 a\x80"
).split()


@pytest.mark.parametrize("host", [*HOSTS, b"a" * 300])
def test_hosts_that_pass(host):
    assert parse_request(head(host=b"Host: " + host)).host == host


@pytest.mark.parametrize("host", b"a a:80 a: a:0 a:65535 a. .a a-b A.B:8080 127.0.0.1 [::1] [::1]:80 [v1.a:b]".split())
def test_hosts_that_pass_in_a_target(host):
    assert parse_request(head(host=b"Host: b", first=b"GET http://" + host + b"/x HTTP/1.1")).host == b"b"


@pytest.mark.parametrize(
    "host", [b"a_b", b"a%41b", b"a,b", b"a!b", b"*", b"(a)", b"[fe80::1%25eth0]", b"a#b", *MALFORMED]
)
def test_other_hosts_are_refused_in_a_target(host):
    """K9: nginx takes fewer characters there than in ``Host``."""
    if b"/" in host or b"?" in host:  # there the host ends
        return
    with pytest.raises(HeadError) as caught:
        parse_request(head(host=b"Host: b", first=b"GET http://" + host + b"/x HTTP/1.1"))
    assert caught.value.status == 400


@pytest.mark.parametrize("host", [b"", b" ", b"a b", b"a\tb", b"a" * 301, *MALFORMED])
def test_a_host_that_is_none_is_refused(host):
    for raw in (head(host=b"Host: " + host), head(host=b"Host: " + host, first=b"GET / HTTP/1.0")):
        with pytest.raises(HeadError) as caught:
            parse_request(raw)
        assert caught.value.status == 400


METHODS = ("FROB", "QUERY", "PURGE", "M-SEARCH", "FR_OB", "TRACK", "PRI", "SOURCE", "CONNECTED", "_", "-")


@pytest.mark.parametrize("method", METHODS)
def test_methods_that_nobody_knows_pass(method):
    """K9: as nginx has it: capitals, dashes and underscores."""
    request = parse_request(head(first=method.encode() + b" /x HTTP/1.1"))
    assert (request.method, request.idempotent) == (method, False)
    assert upstream_head(request, *HOP, None).startswith(method.encode() + b" /x HTTP/1.1\r\n")


@pytest.mark.parametrize("version", [b"1.2", b"1.9", b"1.10", b"1.100", b"1.01"])
def test_later_versions_of_http_1_are_served_as_1_1(version):
    """RFC 9110, section 2.5: the same major version is understood."""
    request = parse_request(head(first=b"GET /x HTTP/" + version))
    assert (request.http_1_0, request.keep_alive) == (False, True)
    assert request.forward.startswith(b"GET /x HTTP/1.1\r\n")


def test_blanks_in_the_request_line_pass_as_with_nginx():
    request = parse_request(head(first=b"GET  /x   HTTP/1.1 "))
    assert request.forward.startswith(b"GET /x HTTP/1.1\r\n")


NO_VERSION = "the request line has no HTTP version"
NOT_HTTP = "the request line names a protocol other than HTTP"
MALFORMED_LINE = "the request line is malformed"
CONTROL = "the head contains a control character"
FOLDED = "a header is folded over several lines"
ONE_HOST = "a request needs exactly one Host header"
MALFORMED_HOST = "the Host header, or the target's host, is malformed"
REASONS = [
    (head(first=b"GET /x"), NO_VERSION),
    (head(first=b"GET /x RTSP/1.0"), NOT_HTTP),
    (head(first=b"GET"), NOT_HTTP),
    (head(first=b"get /x HTTP/1.1"), MALFORMED_LINE),
    (head(first=b""), MALFORMED_LINE),
    (REFUSED["one bare line feed"][1], "a line of the head ends in a bare line feed"),
    (REFUSED["bare carriage return"][1], CONTROL),
    (REFUSED["control character in a value"][1], CONTROL),
    (REFUSED["folded header"][1], FOLDED),
    (REFUSED["folded with a tab"][1], FOLDED),
    (REFUSED["no Host"][1], ONE_HOST),
    (REFUSED["two Hosts"][1], ONE_HOST),
    (REFUSED["a Host with a path"][1], MALFORMED_HOST),
    (REFUSED["a target with a user"][1], MALFORMED_HOST),
    (REFUSED["a relative target"][1], "the request target is malformed"),
    (REFUSED["chunked in HTTP/1.0"][1], "HTTP/1.0 has no Transfer-Encoding"),
    (REFUSED["a coding before chunked"][1], "the only transfer coding supported is chunked"),
    (head(b"Content-Length: 9223372036854775808"), "Content-Length is malformed"),
    (REFUSED["HTTP/10"][1], "HTTP/10.0 is not supported"),
    (REFUSED["TRACE"][1], "TRACE is not allowed here"),
    (REFUSED["empty name"][1], "the head is malformed: Invalid header token"),
]


@pytest.mark.parametrize(("raw", "reason"), REASONS)
def test_a_refused_request_says_why(raw, reason):
    with pytest.raises(HeadError) as caught:
        parse_request(raw)
    assert str(caught.value) == reason


LENGTH, CODING = (b"content-length", b"5"), (b"transfer-encoding", b"chunked")
BOTH, TWICE = "must not appear together", "must not be repeated"


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ([LENGTH, CODING], 400, f"Content-Length and Transfer-Encoding {BOTH}"),
        ([LENGTH, LENGTH], 400, f"Content-Length and Transfer-Encoding {TWICE}"),
        ([CODING, CODING], 400, f"Content-Length and Transfer-Encoding {TWICE}"),
        ([(LENGTH[0], b"+5")], 400, "Content-Length is malformed"),
        ([(LENGTH[0], b"X5")], 400, "Content-Length is malformed"),
        ([(LENGTH[0], b"")], 400, "Content-Length is malformed"),
        ([(CODING[0], b"gzip")], 501, "the only transfer coding supported is chunked"),
    ],
)
def test_framing_that_is_ambiguous_is_refused_whatever_httptools_lets_through(headers, status, reason):
    """RFC 9112, section 6.3: which of these httptools refuses itself differs by its releases."""
    with pytest.raises(HeadError) as caught:
        _declared_framing(_scan(headers))
    assert (caught.value.status, str(caught.value)) == (status, reason)


def test_framing_is_declared_by_a_length_or_a_coding_or_not_at_all():
    assert _declared_framing(_scan([])) == (None, 0)
    assert _declared_framing(_scan([CODING])) == (Framing.CHUNKED, 0)
    assert _declared_framing(_scan([LENGTH])) == (Framing.LENGTH, 5)
    assert _declared_framing(_scan([(LENGTH[0], b"0")])) == (Framing.NONE, 0)


@pytest.mark.parametrize(("size", "kept"), [(2048, True), (2049, False)])
def test_heads_are_remembered_up_to_a_size(size, kept):
    """What clients send for nothing but to fill the memory is forgotten."""
    request, response = head(b"X: "), answer(b"X: ")
    request, response = (raw.replace(b"X: ", b"X: " + b"a" * (size - len(raw))) for raw in (request, response))
    assert len(request) == len(response) == size
    assert (parse_request(request) is parse_request(request)) is kept
    assert (parse_response(response, "GET") is parse_response(response, "GET")) is kept


def test_a_request_is_told_in_full():
    request = parse_request(head(b"X: 1", b"Content-Length: 5", first=b"POST /o/p/d/v/e/f?a=/1 HTTP/1.1"))
    assert (request.method, request.target, request.path) == ("POST", b"/o/p/d/v/e/f?a=/1", "/o/p/d/v/e/f?a=/1")
    assert (request.prefix, request.http_1_0, request.host) == ("/o/p/d/v/e", False, b"localhost")
    assert (request.framing, request.has_body, request.length) == (Framing.LENGTH, True, 5)
    assert (request.keep_alive, request.upgrade, request.dropped) == (True, b"", ())
    assert (request.awaits_continue, request.replayed) == (False, False)
    assert (request.header(b"x"), request.header(b"none")) == (b"1", b"")
    for target in (b"/o/p/d/v/e", b"/o/p/d/v/e/f", b"/o/p/d/v/e?/f", b"/o/p/d/v/e?a?/f", b"/o/p/d/v/e#f"):
        assert parse_request(head(first=b"GET " + target + b" HTTP/1.1")).prefix == "/o/p/d/v/e"
    assert parse_request(head(first=b"GET /\xe4 HTTP/1.1")).path == "/ä"
    old = parse_request(head(first=b"GET / HTTP/1.0", host=b""))
    assert (old.http_1_0, old.has_body, old.host) == (True, False, b"")
    assert parse_request(head(first=b"GET http://other?a HTTP/1.1")).target == b"/?a"


@pytest.mark.parametrize(
    ("line", "first", "awaits"),
    [
        (b"Expect: 100-continue", b"POST / HTTP/1.1", True),
        (b"expect: 100-Continue", b"POST / HTTP/1.1", True),
        (b"Expect: 100-continue", b"POST / HTTP/1.0", False),
        (b"Expect: more", b"POST / HTTP/1.1", False),
    ],
)
def test_who_waits_for_a_word_before_the_body_is_known(line, first, awaits):
    """RFC 9110, section 10.1.1; K9: nginx answers it itself, and hands it to no server."""
    request = parse_request(head(line, b"Content-Length: 1", first=first))
    assert request.awaits_continue is awaits
    assert b"expect" not in request.forward.lower()


def test_a_request_that_is_sent_again_is_known_and_its_mark_goes_to_no_server():
    request = parse_request(head(b"X-VHLocal-Replay: 1"))
    assert request.replayed
    assert b"replay" not in request.forward.lower()


@pytest.mark.parametrize("value", [b"gzip, Trailers", b"trailers", b"gzip"])
def test_no_server_learns_which_transfer_codings_a_client_takes(value):
    """K9: an nginx passed no ``TE`` on."""
    request = parse_request(head(b"A: 1", b"TE: " + value))
    assert request.forward == b"GET /x HTTP/1.1\r\nHost: localhost\r\nA: 1\r\n"


def test_an_upgrade_travels_on_with_all_else():
    request = parse_request(head(b"A: 1", b"Connection: upgrade", b"Upgrade: X, fooX"))
    assert request.upgrade == b"X, fooX"
    assert request.forward == (
        b"GET /x HTTP/1.1\r\nHost: localhost\r\nA: 1\r\nConnection: Upgrade\r\nUpgrade: X, fooX\r\n"
    )


def test_persistence_follows_version_and_connection():
    assert parse_request(head()).keep_alive
    assert not parse_request(head(b"Connection: foo, Close")).keep_alive
    assert not parse_request(head(first=b"GET / HTTP/1.0")).keep_alive
    assert parse_request(head(b"Connection: Keep-Alive", first=b"GET / HTTP/1.0")).keep_alive
    assert not parse_request(head(b"Connection: close", b"Connection: foo")).keep_alive
    assert not parse_request(head(b"Connection: foo", b"Connection: close")).keep_alive


def test_an_absolute_target_is_taken_apart_and_the_host_header_counts():
    """K9: so did an nginx with the ingress' ``proxy_set_header Host $best_http_host``."""
    request = parse_request(head(first=b"GET http://other:81/a/b?c HTTP/1.1", host=b"Host: Mine:82"))
    assert (request.target, request.prefix, request.host) == (b"/a/b?c", None, b"Mine:82")
    sent = upstream_head(request, *HOP, None)
    assert sent.startswith(b"GET /a/b?c HTTP/1.1\r\nHost: Mine:82\r\n")
    assert b"\r\nX-Forwarded-Host: Mine:82\r\n" in sent
    assert b"other" not in sent
    assert parse_request(head(first=b"GET HTTP://other HTTP/1.1")).target == b"/"


@pytest.mark.parametrize(
    ("named", "sent"), [(b"Other:81", b"other"), (b"a:", b"a"), (b"[::1]:80", b"[::1]"), (b"[::1]", b"[::1]")]
)
def test_without_a_host_header_the_targets_host_is_sent_without_its_port(named, sent):
    """K9: nginx's ``$host``; only HTTP/1.0 may come without the header."""
    request = parse_request(head(first=b"GET http://" + named + b"/x HTTP/1.0", host=b""))
    assert b"\r\nHost: " + sent + b"\r\n" in upstream_head(request, *HOP, None)
    with pytest.raises(HeadError):
        parse_request(head(first=b"GET http://" + named + b"/x HTTP/1.1", host=b""))


@pytest.mark.parametrize(("given", "sent"), [(b"0005", b"5"), (b"0" * 5000 + b"5", b"5"), (b"000", b"0"), (b"0", b"0")])
def test_a_length_travels_on_without_zeros_before_it(given, sent):
    """As from nginx, in both directions."""
    request = parse_request(head(b"Content-Length: " + given, first=b"POST /x HTTP/1.1"))
    assert (request.length, b"\r\nContent-Length: " + sent + b"\r\n" in request.forward) == (int(sent), True)
    answered = parse_response(answer(b"Content-Length: " + given), "GET")
    assert (answered.length, b"\r\nContent-Length: " + sent + b"\r\n" in answered.forward) == (int(sent), True)


@pytest.mark.parametrize(("length", "passes"), [(2**63 - 1, True), (2**63, False)])
def test_lengths_end_where_those_of_nginx_end(length, passes):
    """An nginx answers 413 to the first, and 400 to the second."""
    raw = head(b"Content-Length: %d" % length, first=b"POST /x HTTP/1.1")
    if passes:
        assert parse_request(raw).length == length
    else:
        with pytest.raises(HeadError) as caught:
            parse_request(raw)
        assert caught.value.status == 400


def test_a_target_in_raw_utf8_passes():
    request = parse_request(head(b"X: \xe4", first="GET /ä/ö?ü HTTP/1.1".encode()))
    assert request.target == "/ä/ö?ü".encode()
    assert (b"X", b"\xe4") in request.headers


def test_what_ends_at_the_hop_is_not_passed_on():
    """K9, RFC 9110 7.6.1: hop-by-hop fields and those that Connection names go, all else stays in order."""
    request = parse_request(
        head(
            b"b: 2",
            b"A: 1",
            b"Connection: X-Mine, host, content-length",
            b"X-Mine: 1",
            b"Keep-Alive: 5",
            b"Proxy: http://evil",
            b"TE: trailers",
            b"A: 3",
            b"Content-Length: 5",
        )
    )
    lines = upstream_head(request, *HOP, "/o/p/d/v/e").split(b"\r\n")
    assert lines[:6] == [b"GET /x HTTP/1.1", b"Host: localhost", b"b: 2", b"A: 1", b"A: 3", b"Content-Length: 5"]
    assert lines[6] == b"X-VH-Prefix: /o/p/d/v/e/"
    assert lines[7:9] == [b"X-Request-ID: abc", b"X-Real-IP: 10.0.0.9"]
    assert b"X-Forwarded-Port: 8000" in lines
    assert lines[-2:] == [b"", b""]


@pytest.mark.parametrize(
    "name",
    (
        b"X-VH-Prefix x_vh_prefix X-Forwarded-For X_Forwarded-Anything SCRIPT_NAME Script-Name PATH_INFO X-Real-IP "
        b"X-Scheme X-Request-Id Proxy Content_Length content_length Transfer_Encoding X_User a.b c!"
    ).split(),
)
def test_no_client_chooses_what_a_server_would_trust(name):
    """P7, K9; trailers of requests go nowhere."""
    request = parse_request(head(name + b": evil"))
    assert b"evil" not in upstream_head(request, *HOP, "/o/p/d/v/e")


def test_dropped_headers_are_named_and_leave_nothing():
    """K9: what the ingress drops counts for nothing else either."""
    request = parse_request(head(b"X_User: 1", b"Connection_: close", b"X-User: 2", b"x_user: 3", b"a.b: 4"))
    assert request.dropped == (b"X_User", b"Connection_", b"x_user", b"a.b")
    assert request.headers == [(b"Host", b"localhost"), (b"X-User", b"2")]
    assert parse_request(head(b"X-User: 1")).dropped == ()
    with pytest.raises(HeadError):
        parse_request(head(host=b"Host_: a"))


ACCEL = (b"Redirect: /x", b"Buffering: no", b"Charset: koi8-r", b"Expires: 100", b"LIMIT-rate: 1")


def test_what_an_answer_says_to_the_ingress_ends_there():
    """K9: what nginx removes; ``X-Accel-Other`` it passes on."""
    lines = [b"X-Accel-" + line for line in (*ACCEL, b"Other: 1")]
    answered = parse_response(answer(*lines, b"Content-Length: 5"), "GET")
    assert answered.forward == b"HTTP/1.1 200 OK\r\nX-Accel-Other: 1\r\nContent-Length: 5\r\n"
    assert (b"X-Accel-Redirect", b"/x") in answered.headers


@pytest.mark.parametrize(
    ("line", "acted_on"),
    [
        (b"redirect:", b"X-Accel-Redirect"),
        (b"Redirect: @x", b"X-Accel-Redirect"),
        (b"Buffering: YES", b"X-Accel-Buffering"),
        (b"Buffering: no", b""),
        (b"Limit-Rate: 10", b"X-Accel-Limit-Rate"),
        (b"Limit-Rate: 0", b""),
        (b"Limit-Rate: off", b""),
        (b"Charset: koi8-r", b""),
        (b"Expires: 100", b""),
        (b"Other: 1", b""),
    ],
)
def test_what_would_change_the_answer_in_production_is_named(line, acted_on):
    assert parse_response(answer(b"X-Accel-" + line), "GET").acted_on == ((acted_on,) if acted_on else ())


def test_upgrades_pass_but_not_to_http_2():
    lines = (b"Connection: keep-alive, Upgrade", b"Upgrade: websocket")
    request = parse_request(head(*lines))
    assert request.upgrade == b"websocket"
    assert upstream_head(request, *HOP, None).count(b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n") == 1
    for value in (
        b"h2c",
        b"H2C",
        b"h2c-14",
        b"h2",
        b"HTTP/2.0",
        b" , h2c ,",
        b"h2c,h2",
        b"",
        b"\xa0h2c",
        b"\x85h2c",
        b'"h2c"',
        b"a b",
        b"/h2c",
    ):
        assert parse_request(head(lines[0], b"Upgrade: " + value)).upgrade == b""
    for value in (b"websocket, h2c", b"h2c,websocket", b",H2C , websocket,h2c/1"):
        assert parse_request(head(lines[0], b"Upgrade: " + value)).upgrade == b"websocket"
    assert parse_request(head(*lines, b"Upgrade: h2c")).upgrade == b"websocket"
    assert parse_request(head(lines[0], b"Upgrade: h2c", lines[1], b"Upgrade: foo/2")).upgrade == b"websocket, foo/2"
    assert parse_request(head(b"Upgrade: websocket")).upgrade == b""
    assert parse_request(head(*lines, b"Content-Length: 1")).upgrade == b""
    assert parse_request(head(*lines, first=b"GET / HTTP/1.0")).upgrade == b""


@pytest.mark.parametrize(
    ("asked", "chosen", "may"),
    [
        (b"websocket", (b"Upgrade: websocket",), True),
        (b"websocket", (b"Upgrade: WebSocket",), True),
        (b"foo/1, websocket", (b"Upgrade: websocket",), True),
        (b"foo, bar", (b"Upgrade: bar, foo",), True),
        (b"websocket", (b"Upgrade: h2c",), False),
        (b"websocket", (b"Upgrade: websocket, h2c",), False),
        (b"websocket", (b"Upgrade: websocket", b"Upgrade: h2c"), False),
        (b"websocket, h2c", (b"Upgrade: h2c",), False),
        (b"foo/1", (b"Upgrade: foo/2",), False),
        (b"websocket", (b"Upgrade: ,",), False),
        (b"websocket", (b"Upgrade: websocket, \xa0h2c",), False),
        (b"\xa0h2c", (b"Upgrade: \xa0h2c",), False),
        (b"h2c", (b"Upgrade: h2c",), False),
        (b"", (b"Upgrade: websocket",), False),
    ],
)
def test_only_what_was_asked_for_is_switched_to(asked, chosen, may):
    """RFC 9110, section 7.8."""
    request = parse_request(head(b"Connection: Upgrade", b"Upgrade: " + asked))
    switched = parse_response(answer(*chosen, b"Connection: Upgrade", first=b"HTTP/1.1 101 Switching"), "GET")
    assert may_switch(request, switched) is may


def test_framing_of_answers_regards_method_and_status():
    assert parse_response(answer(), "GET").framing is Framing.CLOSE
    five = parse_response(answer(b"Content-Length: 5"), "GET")
    assert (five.framing, five.length) == (Framing.LENGTH, 5)
    assert parse_response(answer(b"Transfer-Encoding: chunked"), "GET").framing is Framing.CHUNKED
    assert parse_response(answer(b"Content-Length: 5"), "HEAD").framing is Framing.NONE
    for first in (b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified", b"HTTP/1.1 103 Early Hints"):
        assert parse_response(answer(b"Content-Length: 5", first=first), "GET").framing is Framing.NONE


@pytest.mark.parametrize(
    "raw",
    [
        answer(b"Content-Length: 1", b"Content-Length: 1"),
        answer(b"Content-Length: 1", b"Transfer-Encoding: chunked"),
        answer(b"Transfer-Encoding: gzip, chunked"),
        answer(b"X: a\nY: b"),
        answer(b"X: a", b" b"),
        answer(first=b"HTTP/2.0 200 OK"),
        answer(first=b"ICY 200 OK"),
        answer(first=b"HTTP/1.1 4 No Content"),
        answer(first=b"HTTP/1.1 99 Early Hints"),
        answer(first=b"HTTP/1.1 1000 OK"),
        answer(b"Connection: Upgrade", first=b"HTTP/1.1 101 To what?"),
        answer(b"Connection: Upgrade", b"Upgrade:", first=b"HTTP/1.1 101 To what?"),
        b"hello\r\n\r\n",
    ],
)
def test_ambiguous_answers_are_bad_gateways(raw):
    with pytest.raises(HeadError) as caught:
        parse_response(raw, "GET")
    assert caught.value.status == 502


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (answer(first=b"HTTP/2.0 200 OK"), "HTTP/2.0 is not supported"),
        (answer(first=b"HTTP/0.9 200 OK"), "HTTP/0.9 is not supported"),
        (answer(first=b"HTTP/1.1 099 OK"), "the status 99 does not have three digits"),
        (answer(b"X: a\nY: b"), "a line of the head ends in a bare line feed"),
        (answer(b"Transfer-Encoding: gzip, chunked"), "the only transfer coding supported is chunked"),
    ],
)
def test_a_bad_gateway_says_why(raw, reason):
    with pytest.raises(HeadError) as caught:
        parse_response(raw, "GET")
    assert (caught.value.status, str(caught.value)) == (502, reason)


@pytest.mark.parametrize("status", [100, 102, 200, 999])
def test_each_status_of_three_digits_passes(status):
    answered = parse_response(answer(b"Content-Length: 5", b"Upgrade: x", first=b"HTTP/1.1 %d Fine" % status), "GET")
    assert (answered.status, answered.phrase) == (status, b"Fine")
    assert answered.forward.startswith(b"HTTP/1.1 %d Fine\r\n" % status)
    # RFC 9110, section 8.6.
    assert (b"Content-Length: 5" in answered.forward) is (status >= 200)


def test_an_answer_without_a_reason_has_none():
    assert parse_response(answer(first=b"HTTP/1.1 200 "), "GET").phrase == b""


LENGTH_LINE, CHUNKED_LINE = b"Content-Length: 5", b"Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("lines", "first", "keep_alive", "open_ended"),
    [
        ((LENGTH_LINE,), b"HTTP/1.1 200 OK", True, False),
        ((CHUNKED_LINE,), b"HTTP/1.1 200 OK", True, True),
        ((), b"HTTP/1.1 200 OK", False, True),
        ((LENGTH_LINE, b"Connection: Close"), b"HTTP/1.1 200 OK", False, False),
        ((LENGTH_LINE,), b"HTTP/1.0 200 OK", False, False),
        ((LENGTH_LINE, b"Connection: Keep-Alive"), b"HTTP/1.0 200 OK", True, False),
        ((b"Connection: keep-alive",), b"HTTP/1.0 200 OK", False, True),
        ((LENGTH_LINE,), b"HTTP/1.1 204 OK", True, False),
    ],
)
def test_a_server_s_connection_is_used_again_as_its_answer_says(lines, first, keep_alive, open_ended):
    """RFC 9112, section 9.3; what ends with its connection can carry no other."""
    answered = parse_response(answer(*lines, first=first), "GET")
    assert (answered.keep_alive, answered.open_ended) == (keep_alive, open_ended)


def test_an_answer_without_a_body_has_no_length_whatever_it_says():
    assert parse_response(answer(LENGTH_LINE), "GET").length == 5
    assert parse_response(answer(LENGTH_LINE), "HEAD").length == 0
    assert b"Content-Length: 5\r\n" in parse_response(answer(LENGTH_LINE), "HEAD").forward


def test_what_the_gateway_says_of_an_answer_no_server_can():
    answered = parse_response(answer(b"X-VHLocal-Revision: r1", b"x-vhlocal-STALE: 1", b"X-VHLocal-Mine: 1"), "GET")
    assert answered.forward == b"HTTP/1.1 200 OK\r\nX-VHLocal-Mine: 1\r\n"
    assert [name for name, _ in answered.headers] == [b"X-VHLocal-Revision", b"x-vhlocal-STALE", b"X-VHLocal-Mine"]


def test_several_scopes_of_a_worker_are_one_list_that_no_path_is():
    answered = parse_response(answer(b"Service-Worker-Allowed: /a", b"Service-Worker-Allowed: /b"), "GET")
    assert answered.worker_scope == b"/a, /b"


def test_an_answer_keeps_status_phrase_order_and_spelling():
    raw = answer(
        b"sEt-Cookie: a", b"X: 1", b"Connection: X-Hop", b"X-Hop: 1", b"set-cookie: b", first=b"HTTP/1.0 299 H\xe9"
    )
    assert parse_response(raw, "GET").forward + client_lines(False, True, False, b"") == answer(
        b"sEt-Cookie: a", b"X: 1", b"set-cookie: b", b"Connection: close", first=b"HTTP/1.1 299 H\xe9"
    )
    bodiless = parse_response(answer(b"Content-Length: 0", first=b"HTTP/1.1 204 N"), "GET")
    assert bodiless.forward + b"\r\n" == answer(first=b"HTTP/1.1 204 N")


TOKENS = st.text("abcXYZ019-", min_size=1, max_size=12).map(str.encode)
VALUES = st.binary(max_size=20).map(lambda raw: bytes(byte for byte in raw if byte >= 0x20 and byte != 0x7F).strip())
#: Not above the root, nor with a % that is no escape: both are refused.
TARGETS = st.binary(max_size=60).map(
    lambda raw: b"/a" * 30 + b"/" + bytes(byte for byte in raw if byte > 0x20 and byte not in b"%\x7f")
)


@given(TARGETS, st.lists(st.tuples(TOKENS.map(lambda name: b"h-" + name), VALUES), max_size=6))
def test_whatever_passes_passes_unchanged(target, headers):
    """P4: target, header order, spelling and values go through byte for byte."""
    lines = [b"%b: %b" % header for header in headers]
    out = upstream_head(parse_request(head(*lines, first=b"GET " + target + b" HTTP/1.1")), *HOP, None)
    assert out.startswith(head(*lines, first=b"GET " + target + b" HTTP/1.1")[:-2])


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_otherwise_than_by_refusing(noise):
    for raw in (noise + b"\r\n\r\n", b"GET /" + noise + b" HTTP/1.1\r\nHost: a\r\n\r\n", head(noise)):
        try:
            request = parse_request(raw)
        except HeadError as error:
            assert error.status in (400, 405, 501, 505)
        else:
            assert parse_request(upstream_head(request, *HOP, None)).target == request.target


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (b"/", b"/o/p/d/v/e/"),
        (b"/o/p/d/v/", b"/o/p/d/v/e/"),
        (b"/o/p/d/v/e", b"/o/p/d/v/e/"),
        (b"/o/p/d/v/ee/", b"/o/p/d/v/e/"),
        (b"/o/p/d/v/e/../", b"/o/p/d/v/e/"),
        (b"/o/p/d/v/e/./", b"/o/p/d/v/e/"),
        (b"/o/p/d/v/e/%2e%2e/", b"/o/p/d/v/e/"),
        (b"/o/p/d/v/e/..\\", b"/o/p/d/v/e/"),
        (b"../../", b"/o/p/d/v/e/"),
        (b"http://127.0.0.1/", b"/o/p/d/v/e/"),
        (b"/o/p/d/v/e/, /", b"/o/p/d/v/e/"),
        (b"/o/p/d/v/e/", b"/o/p/d/v/e/"),
        (b"/o/p/d/v/e/app/", b"/o/p/d/v/e/app/"),
    ],
)
def test_a_service_worker_reaches_no_further_than_its_endpoint(wanted, told):
    answered = parse_response(answer(b"SERVICE-Worker-Allowed: " + wanted, b"X-Other: 1"), "GET")
    assert (b"service-worker" in answered.forward.lower(), b"X-Other: 1" in answered.forward) == (False, True)
    assert worker_scope_line(answered.worker_scope, "/o/p/d/v/e") == b"Service-Worker-Allowed: " + told + b"\r\n"


def test_an_answer_without_a_scope_for_workers_is_given_none():
    assert parse_response(answer(b"Content-Length: 5"), "GET").worker_scope == b""


@pytest.mark.parametrize(("data", "expected"), [(b"", False), (b"a\r\n", False), (b"a\n", True), (b"a\r\nb\n", True)])
def test_a_line_that_ends_without_a_carriage_return_is_seen(data, expected):
    assert has_bare_line_feed(data) is expected


def test_a_client_is_told_that_the_new_protocol_begins_here():
    assert switch_lines(b"websocket", b"X-A: b\r\n") == b"X-A: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def test_a_request_that_named_no_host_gets_one():
    """P7: as what it forwards, and as what the ingress says of it."""
    named = with_host(parse_request(head(b"A: 1", first=b"GET /x HTTP/1.0", host=b"")), b"localhost:8080")
    sent = upstream_head(named, *HOP, "/a/b/c/d/e")
    assert named.host == b"localhost:8080"
    assert sent.startswith(b"GET /x HTTP/1.1\r\nHost: localhost:8080\r\nA: 1\r\n")
    assert b"\r\nHost: localhost:8080\r\n" in sent
    assert b"\r\nX-Forwarded-Host: localhost:8080\r\n" in sent
