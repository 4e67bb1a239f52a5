from pathlib import Path

import pytest

from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.project.marks import Trouble, compose, raise_troubles, read_document

FILE = Path("some.yaml")
TEXT = """\
- step:
    name: train
- endpoint:
    name: digits
    version: 1.10
    files:
      - name: model
        path: model.pkl
    flow: {min: 1}
"""


def at(line, column):
    return Place(FILE, line, column)


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ((), at(1, 1), at(1, 1)),
        ((1, "endpoint"), at(3, 3), at(3, 3)),
        ((1, "endpoint", "name"), at(4, 11), at(4, 5)),
        ((1, "endpoint", "files"), at(6, 5), at(6, 5)),
        ((1, "endpoint", "files", 0), at(7, 9), at(7, 9)),
        ((1, "endpoint", "files", 0, "path"), at(8, 15), at(8, 9)),
        ((1, "endpoint", "flow"), at(9, 11), at(9, 5)),
        ((1, "endpoint", "flow", "min"), at(9, 17), at(9, 12)),
    ],
)
def test_a_node_and_its_key_are_found(path, value, key):
    document = compose(TEXT, FILE)
    assert document.place(path) == value
    assert document.key_place(path) == key


@pytest.mark.parametrize("path", [(1, "endpoint", "port"), (1, "endpoint", "port", "x", 3)])
def test_what_is_not_written_is_found_at_its_nearest_ancestor(path):
    assert compose(TEXT, FILE).place(path) == at(3, 3)


def test_a_scalar_is_given_as_written():
    document = compose(TEXT, FILE)
    assert document.data[1]["endpoint"]["version"] == 1.1
    assert document.text((1, "endpoint", "version")) == "1.10"
    assert document.text((1, "endpoint", "files")) == ""


def test_a_scalar_is_found_by_its_text():
    document = compose(TEXT, FILE)
    assert document.find_text((1, "endpoint"), "model.pkl") == at(8, 15)
    assert document.find_text((0,), "model.pkl") is None


def test_a_merged_key_is_found_where_it_is_written_and_an_own_one_wins():
    document = compose("base: &base\n  a: 1\n  b: 2\nx:\n  <<: *base\n  b: 3\n", FILE)
    assert document.keys_trouble == ()
    assert document.place(("x", "a")) == at(2, 6)
    assert document.place(("x", "b")) == at(6, 6)


def test_an_empty_file_has_no_data_and_a_place_without_a_line():
    document = compose("# nothing\n", FILE)
    assert document.data is None
    assert document.place(("a",)) == Place(FILE)


def test_a_key_written_twice_is_told_with_both_lines():
    (trouble,) = compose("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", FILE).keys_trouble
    assert trouble == Trouble(
        "the key `c` is written twice, first on line 3", at(5, 3), ("b", "c"), hint="remove one of them"
    )


def test_a_key_that_is_no_text_is_told():
    (trouble,) = compose("a:\n  - 8000: 1\n", FILE).keys_trouble
    assert (trouble.place, trouble.hint) == (at(2, 5), 'put it in quotes: "8000"')


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: [1\nb: 2\n", 2, 2, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, 1, "not valid YAML"),
        ("a: *b\n", 1, 4, "undefined alias"),
        ("--- 1\n--- 2\n", 2, 1, "another document"),
        ("a: !!python/object:os.system {}\n", 1, 4, "could not determine a constructor"),
        ("a: 1\nb: \x00\n", 2, None, "a character that YAML forbids"),
        ("&a [*a]\n", 1, 1, "refers to itself"),
        ("a: 2024-02-31\n", None, None, "day"),
        ("[" * 1000, None, None, "nested too deeply"),
    ],
)
def test_broken_yaml_is_one_message_with_its_place(text, line, column, words):
    with pytest.raises(InputError, match=words) as caught:
        compose(text, FILE)
    assert caught.value.place == Place(FILE, line, column)


def bomb(level: str) -> str:
    """Return nine levels, each of which refers nine times to the one before: 387 million values in a few lines."""
    above = (",".join([f"*a{number - 1}"] * 9) for number in range(1, 10))
    return "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {level % names}\n" for n, names in enumerate(above, 1))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (bomb("[%s]"), 6, "keys and values, aliases expanded"),
        (bomb("{k: [%s]}"), 6, "keys and values, aliases expanded"),
        (bomb("{<<: [%s]}"), 6, "keys and values, aliases expanded"),
        ("[" + "a,\n" * 50_001 + "]", 50_000, "more than 50,000 keys and values"),
        (f"a:\n- {'9' * 5000}\n", 2, "more than 300 digits"),
        (f"a:\n- {'1:' * 5000}1\n", 2, "more than 300 digits"),
        (f"a:\n- 0x{'f' * 5000}\n", 2, "more than 300 digits"),
    ],
)
def test_what_grows_beyond_all_measure_is_refused_at_once(text, line, words):
    with pytest.raises(InputError, match=words) as caught:
        compose(text, FILE)
    assert caught.value.place.line == line


def test_a_file_beyond_all_measure_is_not_read(project):
    file = project.write("some.yaml", "a: 1\n")
    with file.open("ab") as content:
        content.truncate(1024 * 1024 + 1)
    with pytest.raises(InputError, match="larger than 1 MB") as caught:
        read_document(file)
    assert caught.value.place == Place(file)


def test_aliases_within_measure_are_read():
    assert compose("a: &a [1, 2]\nb: [*a, *a]\nc: {<<: &m {k: 1}, d: *m}\n", FILE).data == {
        "a": [1, 2],
        "b": [[1, 2], [1, 2]],
        "c": {"k": 1, "d": {"k": 1}},
    }


def test_tabs_are_named():
    with pytest.raises(InputError) as caught:
        compose("- endpoint:\n\tname: x\n", FILE)
    assert caught.value.hint == "indent with spaces: YAML does not allow tabs"


def test_a_file_that_is_not_utf_8_is_told_with_its_line(project):
    file = project.write("some.yaml", b"a: 1\nb: caf\xe9\n")
    with pytest.raises(InputError, match="not UTF-8") as caught:
        read_document(file)
    assert caught.value.place == Place(file, 2)


def test_a_file_that_is_missing_is_told(project):
    with pytest.raises(InputError, match="cannot be read"):
        read_document(project.directory / "none.yaml")


def test_a_byte_order_mark_is_no_part_of_the_text(project):
    assert read_document(project.write("some.yaml", b"\xef\xbb\xbfa: 1\n")).data == {"a": 1}


def test_troubles_become_one_error_in_the_order_of_the_file():
    raise_troubles([])
    with pytest.raises(InputError) as caught:
        raise_troubles([Trouble("second", at(2, 1)), Trouble("first", at(1, 5), hint="do"), Trouble("third", at(2, 9))])
    error = caught.value
    assert (error.message, error.place, error.hint) == ("first", at(1, 5), "do")
    assert error.detail == "some.yaml:2:1: second\nsome.yaml:2:9: third"
