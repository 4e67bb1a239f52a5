import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhlocal.contract.access import BasicAuth, authorization

AUTH = BasicAuth({"ada": "open sesame", "grace": "p:q"})


def basic(words: str, scheme: str = "Basic") -> bytes:
    return scheme.encode() + b" " + base64.b64encode(words.encode())


@pytest.mark.parametrize(
    "header",
    [basic("ada:open sesame"), basic("grace:p:q"), basic("ada:open sesame", "basic"), basic("ada:open sesame") + b" "],
)
def test_the_users_are_let_in(header):
    """K7"""
    assert AUTH.allows(header)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        basic("ada:open sesame")[:10] + b"!" + basic("ada:open sesame")[10:],
        b"Basic",
        b"Basic ",
        b"Basic !!!",
        basic("ada:open sesam"),
        basic("ada:open sesame2"),
        basic("Ada:open sesame"),
        basic("ada"),
        basic(":open sesame"),
        basic("grace:open sesame"),
        basic("ada:open sesame", "Bearer"),
        b"Basic ada:open sesame",
    ],
)
def test_nobody_else_is(header):
    """K7"""
    assert not AUTH.allows(header)


def test_names_and_passwords_may_have_any_letters():
    """K7"""
    assert BasicAuth({"Åsa": "lösen"}).allows(basic("Åsa:lösen"))
    assert not BasicAuth({}).allows(basic(":"))


def test_a_password_of_the_environment_need_not_be_utf_8():
    """K7"""
    password = b"l\xf6sen"
    header = b"Basic " + base64.b64encode(b"ada:" + password)
    assert BasicAuth({"ada": password.decode("utf-8", "surrogateescape")}).allows(header)


@given(st.binary())
def test_no_bytes_let_in_or_make_it_fail(noise):
    """K7"""
    assert not AUTH.allows(noise)
    assert not AUTH.allows(b"Basic " + noise)


@pytest.mark.parametrize("users", [{"ada": "open sesame", "grace": "p:q"}, {"grace": "pä:q"}, {"ada": "\udcff"}])
def test_the_header_of_the_first_user_lets_it_in(users):
    """K7"""
    ((name, value),) = authorization(users)
    assert name == "Authorization"
    first = next(iter(users))
    assert BasicAuth({first: users[first]}).allows(value.encode())


def test_no_user_needs_no_header():
    """K7"""
    assert authorization({}) == ()
