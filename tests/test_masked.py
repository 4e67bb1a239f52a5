"""What is hidden of a text, and what is not."""

import pytest

from vhlocal.masked import MASK, masked, masked_header, masked_target, masking

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlMTIz"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at postgres://ada:hunter2@db:5432/x?y=1 now", f"at postgres://ada:{MASK}@db:5432/x?y=1 now"),
        ("redis://:hunter2@cache/0", f"redis://:{MASK}@cache/0"),
        ("two http://a:b@c and https://d:e@f", f"two http://a:{MASK}@c and https://d:{MASK}@f"),
        (f"token={JWT};", f"token={MASK};"),
        ("GET /x?a=1&api_key=q/w&Api-Key=z HTTP/1.1", f"GET /x?a=1&api_key={MASK}&Api-Key={MASK} HTTP/1.1"),
        ('"https://h/x?access_token=abc#f" said', f'"https://h/x?access_token={MASK}#f" said'),
        ("Authorization: Bearer abcdef123456", f"Authorization: Bearer {MASK}"),
        ("{'authorization': 'Basic YWRhOnNlY3JldA=='}", f"{{'authorization': 'Basic {MASK}'}}"),
        ("key ghp_0123456789abcdefghijABCDEFGHIJ012345.", f"key {MASK}."),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text, shown):
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "GET http://127.0.0.1:8080/acme/digits/local/dev/predict@v1 200",
        "mailto ada@example.com, http://example.com/a:b@c",
        "ssh://git@example.com/x.git",
        "eyJ is how a token begins; eyJhbGciOiJIUzI1NiJ9 alone is a header",
        "authorization: none",
        "which token=3? none; /x?page=2&sort_key=name&token=",
        "PRIVATE KEY is what it wants",
        "npm_config_cache=/tmp SG.1 xoxo",
    ],
)
def test_what_is_none_stays(text):
    assert masked(text) == text


def test_the_values_of_secret_variables_are_hidden_wherever_they_stand():
    hide = masking({"DB_PASSWORD": "hunter22!", "SORT_KEY": "created_at", "TOKEN": "short", "STAGE": "production"})
    assert hide("hunter22! created_at short production") == f"{MASK} created_at short production"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Basic YWRhOng=", f"Basic {MASK}"),
        ("authorization", "letmein", MASK),
        ("Proxy-Authorization", "Digest username=ada, response=x", f"Digest {MASK}"),
        ("Cookie", "session=abc; theme=dark=er; odd", f"session={MASK}; theme={MASK}; {MASK}"),
        ("Set-Cookie", "session=a=b; Path=/; HttpOnly", f"session={MASK}; Path=/; HttpOnly"),
        ("X-Api-Key", "k", MASK),
        ("X-Auth-Token", "t", MASK),
        ("Idempotency-Key", "1", "1"),
        ("Accept", "text/html", "text/html"),
        ("Referer", "http://ada:x@h/", f"http://ada:{MASK}@h/"),
        ("Location", "/back?b=1&token=t", f"/back?b=1&token={MASK}"),
    ],
)
def test_of_a_header_what_somebody_is_known_by_is_hidden(name, value, shown):
    assert masked_header(name, value) == shown


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/o/p?api_key=abc&x=1&token", f"/o/p?api_key={MASK}&x=1&token"),
        ("/o/p?X-Access-Token=a=b#c", f"/o/p?X-Access-Token={MASK}"),
        ("/token=1/p", "/token=1/p"),
        ("/o/p?", "/o/p?"),
        ("/o/p?a=1?password=x&password=y", f"/o/p?a=1?password=x&password={MASK}"),
    ],
)
def test_of_a_target_parameters_that_hold_a_secret_are_hidden(target, shown):
    assert masked_target(target) == shown
