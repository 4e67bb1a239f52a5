from tests.requests import PREFIX, ended, of_control
from vhlocal.ui.requests import duration, request_lines


def lines(*records):
    return [f"{name} | {text.plain}" for name, text in request_lines(records)]


def test_a_few_requests_get_a_line_each():
    unknown = ended(404, endpoint=None, target="/a/b/c/d/e", reason="no endpoint is served at this path")
    failed = ended(502, seconds=1.5, reason="nothing accepts connections at 10.0.0.1:8000")
    refused = ended(400, endpoint=None, prefix="", method="", target="", seconds=0.0, reason="the head is malformed")
    assert lines(ended(target=f"{PREFIX}/digit?x=1"), of_control(), failed, unknown, refused) == [
        "predict | GET …/dev/predict/digit?x=1 200 in 250 ms",
        "predict | GET …/dev/predict/ 502 in 1.5 s: nothing accepts connections at 10.0.0.1:8000",
        "gateway | GET /a/b/c/d/e 404 in 250 ms: no endpoint is served at this path",
        "gateway | 127.0.0.1 sent no request: 400 in 0.0 ms: the head is malformed",
    ]


def test_many_requests_get_a_line_for_each_endpoint():
    fast, slow = [ended(seconds=0.0012)] * 1200, [ended(504, seconds=60.0)] * 4
    other = [ended(404, endpoint="words")] * 2
    assert lines(*fast, *slow, *other) == [
        "predict | 1,204 requests: 200 to 1,200, 504 to 4; median 1.2 ms",
        "words | 2 requests: 404 to 2; median 250 ms",
    ]


def test_no_request_can_write_to_the_terminal_what_it_would_obey():
    [line] = lines(ended(target=f"{PREFIX}/\x9b31m" + "x" * 200))
    assert "\x9b" not in line
    assert r"…/dev/predict/\x9b31mxx" in line
    assert "xx… 200" in line


def test_times_read_as_people_say_them():
    assert [duration(seconds) for seconds in (0.00042, 0.0123, 0.9, 61.04)] == ["0.4 ms", "12 ms", "900 ms", "61.0 s"]
