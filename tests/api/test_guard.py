import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from vhlocal.api.guard import Guard

TOKEN = "the-token"
LOCAL = Guard(TOKEN, 8080, open_to_network=False)
OPEN = Guard(TOKEN, 8080, open_to_network=True)
KEY = f"{LOCAL.cookie}={LOCAL.read_key}"


def status(guard: Guard, method: str = "GET", **headers: str) -> int | None:
    """The status of the refusal; a header is given by its name with `_` for `-`."""
    given = Headers([(name.replace("_", "-"), value) for name, value in {"Host": "localhost:8080", **headers}.items()])
    refusal = guard.refusal(method, given)
    return None if refusal is None else refusal.status


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8080",
        "LOCALHOST",
        "app.localhost:1",
        "127.0.0.1:8080",
        "127.9.9.9",
        "[::1]:8080",
        "[::1]",
    ],
)
def test_this_machine_may_look_by_any_name_that_is_only_its_own(host):
    assert status(LOCAL, Host=host) is None
    assert status(OPEN, Host=host) == 401


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "localhost.evil.example", "notlocalhost", "127.0.0.1.evil.example", "10.0.0.1", "0.0.0.0"),
        *(
            "",
            "[::1",
            "[",
            "@localhost",
            "evil@evil.example",
            "localhost:80:80",
            "127.0.0.1, evil.example",
            "2130706433",
        ),
    ],
)
def test_every_other_host_is_refused(host):
    assert status(LOCAL, Host=host) == 403


def test_changes_need_the_token_whoever_asks():
    for guard in (LOCAL, OPEN):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get"):
            assert status(guard, method) == 401
            assert status(guard, method, Cookie=KEY) == 401
            assert status(guard, method, Authorization="Bearer the-toke") == 401
            assert status(guard, method, Authorization="Basic the-token") == 401
            assert status(guard, method, Authorization="Bearer the-token", Host="evil.example", Origin="null") is None


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", "http://localhost", ""])
def test_a_page_of_another_origin_may_not_look(origin):
    assert status(LOCAL, Origin=origin) == status(OPEN, Origin=origin, Cookie=KEY) == 403


def test_a_page_of_the_same_origin_may():
    assert status(LOCAL, Origin="http://localhost:8080") is None
    assert status(LOCAL, Origin="https://LOCALHOST:8080") is None, "behind a tunnel that speaks TLS"


@pytest.mark.parametrize(
    ("site", "mode", "expected"),
    [
        ("none", "navigate", None),
        ("same-origin", "cors", None),
        ("cross-site", "navigate", None),
        ("cross-site", "no-cors", 403),
        ("same-site", "cors", 403),
        ("cross-site", "", 403),
    ],
)
def test_what_the_browser_says_of_the_asking_page_counts(site, mode, expected):
    assert status(LOCAL, Sec_Fetch_Site=site, Sec_Fetch_Mode=mode) == expected


def test_the_key_lets_look_from_anywhere_and_is_not_the_token():
    assert status(OPEN, Cookie=KEY, Host="10.0.0.7:8080") is None
    assert status(LOCAL, Cookie=f"a=b; {KEY}", Host="my-tunnel.example") is None
    assert TOKEN not in LOCAL.read_key
    assert not LOCAL.is_key("")
    other = Guard("another", 8080, open_to_network=True)
    assert status(other, Cookie=KEY) == 401
    assert Guard(TOKEN, 9090, open_to_network=True).cookie != OPEN.cookie, "two runs on one host have a cookie each"


@given(st.dictionaries(st.sampled_from(["Host", "Origin", "Cookie", "Authorization", "Sec-Fetch-Site"]), st.text()))
def test_no_header_lets_a_stranger_in_or_makes_it_fail(headers):
    clean = Headers([(name, value.replace("\r", "").replace("\n", "")) for name, value in headers.items()])
    assert OPEN.refusal("GET", clean) is not None
    assert LOCAL.refusal("POST", clean) is not None
