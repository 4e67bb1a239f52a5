from urllib.parse import quote

from hypothesis import assume, given
from hypothesis import strategies as st
from werkzeug.routing import Map, Rule

from vhlocal.contract.paths import SEGMENTS, default_prefix, names_of, script_name, script_names, split_target
from vhlocal.model import Version

VERSION = Version("acme", "digits", "local", "20181002.0", ("dev", "staging"))

names = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789-_.", min_size=1).filter(lambda name: name.strip("."))
versions = st.builds(Version, names, names, names, names, st.lists(names).map(tuple))
#: Any bytes that can stand in a request's path: no space, control character, `?` or `#`.
rests = st.binary().map(lambda raw: bytes(byte for byte in raw if byte > 32 and byte not in b"?#\x7f"))


def test_an_endpoint_s_path_has_five_segments():
    """P1: /<owner>/<project>/<deployment>/<version>/<endpoint>."""
    assert script_name(VERSION, "predict") == "/acme/digits/local/20181002.0/predict"


def test_each_alias_is_a_path_too():
    """P3: the same endpoint is served under each alias."""
    assert script_names(VERSION, "predict") == (
        "/acme/digits/local/20181002.0/predict",
        "/acme/digits/local/dev/predict",
        "/acme/digits/local/staging/predict",
    )
    assert script_name(VERSION, "predict", "dev") == "/acme/digits/local/dev/predict"


def test_the_default_prefix_is_the_version_s_with_a_slash():
    """P6: VH_DEFAULT_PREFIX ignores aliases and ends in a slash."""
    assert default_prefix(VERSION, "predict") == "/acme/digits/local/20181002.0/predict/"


@given(versions, names)
def test_script_name_has_wsgi_s_form(version, endpoint):
    """P5: a leading slash, no trailing slash; P6 is the same with one."""
    path = script_name(version, endpoint)
    assert path.startswith("/") and not path.endswith("/")
    assert path.count("/") == 5
    assert default_prefix(version, endpoint) == path + "/"


@given(versions, names, rests)
def test_a_target_is_cut_at_the_sixth_slash_and_nothing_after_it_is_touched(version, endpoint, rest):
    """P1, P3, P4: every path of an endpoint leads back to it, and what follows stays byte for byte."""
    for path in script_names(version, endpoint):
        for tail in (b"", b"/", b"/" + rest):
            assert split_target(path.encode() + tail) == (path, tail)


@given(versions, names)
def test_a_path_tells_its_names(version, endpoint):
    """P1: the five names are read back from the path."""
    values = (version.owner, version.project, version.deployment, version.name, endpoint)
    assert names_of(script_name(version, endpoint)) == dict(zip(SEGMENTS, values, strict=True))


@given(versions, names, rests)
def test_a_percent_encoded_prefix_is_the_same_prefix(version, endpoint, rest):
    """P1, P4: the prefix is compared decoded; the rest is not decoded."""
    path = script_name(version, endpoint)
    encoded = "/".join("".join(f"%{ord(letter):02x}" for letter in part) for part in path.split("/"))
    assert split_target(encoded.encode() + b"/" + rest) == (path, b"/" + rest)


@given(st.lists(st.text(min_size=1).map(lambda text: quote(text, safe="")), min_size=5, max_size=5))
def test_any_encoded_text_is_no_error(parts):
    """P1: a prefix that nobody has is simply unknown, whatever it is made of."""
    prefix, rest = split_target(("/" + "/".join(parts)).encode())
    assert rest == b""
    assert prefix.startswith("/")


@given(st.binary())
def test_any_bytes_are_a_prefix_and_a_rest_or_none(path):
    """P4: whatever a client sends is cut without loss, or is no endpoint's path."""
    assume(b"%" not in path)
    split = split_target(path)
    if split is None:
        assert path.count(b"/") < 5 or not path.isascii() or not all(path.split(b"/", 6)[1:6]) or path[:1] != b"/"
    else:
        prefix, rest = split
        assert prefix.encode() + rest == path
        assert prefix.count("/") == 5


def test_what_has_no_five_segments_is_no_prefix():
    """P1: fewer segments, an empty one, or one that is not UTF-8."""
    for path in (b"", b"/", b"/a/b/c/d", b"/a/b/c/d/", b"//b/c/d/e", b"/a/b//d/e", b"a/b/c/d/e", b"/a/b/c/d/%ff"):
        assert split_target(path) is None, path
    assert names_of("/a/b/c/d") is None
    assert names_of("/a/b/c/d/e/f") is None


def test_doubled_slashes_semicolons_and_escapes_stay():
    """P4: forwarded byte for byte."""
    rest = b"//x;y=1/%2F/%zz/../."
    assert split_target(b"/a/b/c/d/e" + rest) == ("/a/b/c/d/e", rest)


PRINTABLE = st.characters(exclude_categories=("C", "Z"), include_characters=" ")


@given(
    st.builds(Version, *[st.text("aZ0-_.~ !$&'()*+,:;=@%?#é", min_size=1)] * 4),
    st.text(PRINTABLE, min_size=1, max_size=9),
)
def test_a_path_is_written_as_werkzeug_writes_it(version, endpoint):
    """P1: the routes are werkzeug's, and so is what is escaped in them."""
    assert endpoint.isprintable()
    adapter = Map([Rule("/" + "/".join(f"<{segment}>" for segment in SEGMENTS), endpoint="it")]).bind("localhost")
    names = (version.owner, version.project, version.deployment, version.name, endpoint)
    assert script_name(version, endpoint) == adapter.build("it", dict(zip(SEGMENTS, names, strict=True)))
