"""Trees of every shape, and how a reader of files must take them."""

import tempfile
from pathlib import Path

from hypothesis import strategies as st

from vhlocal.errors import InputError

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-5, 70000)
    | st.floats()
    | st.sampled_from(["ab", "x", "/x", "../y", "a:b", "", ".", "a=b"])
    | st.dates()
    | st.binary(max_size=3)
)


def trees(keys):
    names = st.sampled_from(keys) | st.integers(0, 2) | st.none()
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
        max_leaves=20,
    )


def answer(read, name, text):
    """Let ``read`` read a directory with one file: its result, or None for an InputError with a place in the file."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, name).write_text(text, newline="")
        try:
            return read(Path(directory))
        except InputError as error:
            assert error.place is not None
            assert error.place.file == Path(directory, name)
            return None
