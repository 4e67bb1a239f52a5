"""Which lines are metrics, which clearly want to be, and which are nobody's (K6)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhlocal.masked import MASK
from vhlocal.series.reading import LONGEST, TEXT, read


def test_k6_numbers_and_texts_are_told_apart():
    """K6: the documentation's own example."""
    reading = read("stdout", '{"vh_metadata": {"accuracy": 0.9247000813484192, "best_guess": "dog", "width": 28}}')
    assert reading.numbers == {"accuracy": 0.9247000813484192, "width": 28.0}
    assert reading.texts == {"best_guess": "dog"}
    assert reading.faults == ()


@pytest.mark.parametrize(
    "line",
    [
        '{"vh_metadata":{"a":1}}',
        '  { "vh_metadata" : { "a" : 1 } }  ',
        '{"time": "now", "vh_metadata": {"a": 1}}',
        '{"vh_metadata": {"a": 1.0e0}}',
        '{"vh_metadata": {"a": 2}, "vh_metadata": {"a": 1}}',
    ],
)
def test_json_is_read_however_it_is_written(line):
    assert read("stdout", line).numbers == {"a": 1.0}
    assert read("stdout", line).faults == ()


def test_no_metrics_at_all_are_no_fault():
    reading = read("stdout", '{"vh_metadata": {}}')
    assert (reading.numbers, reading.texts, reading.faults) == ({}, {}, ())


@pytest.mark.parametrize(
    ("value", "shown", "why"),
    [
        ("true", "true", "is a truth value"),
        ("null", "null", "is null"),
        ("[1, 2]", "[1, 2]", "is a list"),
        ('{"b": {"c": "d"}}', '{"b": {"c": "d"}}', "is an object"),
    ],
)
def test_what_is_neither_number_nor_text_is_listed_and_told(value, shown, why):
    reading = read("stdout", f'{{"vh_metadata": {{"a": {value}, "b": 1}}}}')
    assert reading.numbers == {"b": 1.0}
    assert reading.texts == {"a": shown}
    assert [tuple(fault) for fault in reading.faults] == [("a", why)]


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 5000])
def test_a_number_beyond_all_bounds_is_told_and_does_no_harm(number):
    reading = read("stdout", f'{{"vh_metadata": {{"a": {number}}}}}')
    assert (reading.numbers, reading.texts) == ({}, {})
    assert [tuple(fault) for fault in reading.faults] == [("a", "is larger than a floating-point number can be")]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{'vh_metadata': {'accuracy': 0.92}}", "has single quotes, as in a printed Python dictionary, not JSON"),
        ('{"vh_metadata": {"a": NaN}}', "has NaN for `a`, which JSON does not know"),
        ('{"vh_metadata": {"a": 1, "loss": -Infinity}}', "has -Infinity for `loss`, which JSON does not know"),
        ('{"vh_metadata": {"a": [NaN]}}', "has NaN for `a`, which JSON does not know"),
        ('{"vh_metadata": {"best": dog}}', "is not JSON"),
        ('{"vh_metadata": {"a": 1}', "is not JSON"),
        ('{"vh_metadata": {"a": 1,}}', "is not JSON"),
        ('{"vh_metadata": {"a": 1}}{"vh_metadata": {"a": 2}}', "has several objects"),
        ('{"vh_metadata": 0.9}', "has a number instead of an object of names and values"),
        ('{"vh_metadata": "0.9"}', "has a text instead of an object of names and values"),
        ('{"vh_metadata": [1]}', "has a list instead of an object of names and values"),
        ('{"vh_metadata": null}', "has null instead of an object of names and values"),
        ('  "vh_metadata": {', "is part of an object that spans several lines"),
        ('    "vh_metadata": {', "is part of an object that spans several lines"),
        ('INFO:root:{"vh_metadata": {"a": 1}}', "has `INFO:root:` before its JSON"),
        ('2026-11-26 07:00:00,123 - app - INFO - {"vh_metadata": {"a": 1}}', None),
        ('[2026-11-26 07:00:00 +0000] [7] [INFO] {"vh_metadata": {"a": 1}}', None),
        ('2026-11-26 | INFO     | app:read:12 - {"vh_metadata": {"a": 1}}', None),
        ('07:00:00 WARNING {"vh_metadata": {"a": 1}}', None),
    ],
)
def test_a_line_that_clearly_means_metrics_and_is_not_collected_is_told(line, why):
    reading = read("stdout", line)
    assert (reading.numbers, reading.texts) == ({}, {})
    (fault,) = reading.faults
    assert fault.name == ""
    assert fault.why == why if why else fault.why.endswith("before its JSON")


def test_stderr_is_not_collected_and_told():
    for line in ('{"vh_metadata": {"a": 1}}', 'INFO:root:{"vh_metadata": {"a": 1}}'):
        reading = read("stderr", line)
        assert reading.numbers == {}
        assert len(reading.faults) == 1
        assert reading.meant == ("a",)


@pytest.mark.parametrize("stream", ["stdout", "stderr", "build", "vhlocal"])
@pytest.mark.parametrize(
    "line",
    [
        "metrics are off",
        "vh_metadata is what Valohai collects",
        'print {"vh_metadata": {...}} to have metrics',
        '{"vh_metadata": {...}} is what to print',
        '{"vh_metadata": {…}}',
        '{"vh_metadata": {...}}',
        'sent {"vh_metadata": {"a": 1}}',
        'DEBUG:app: about to print {"vh_metadata": {"a": 1}}',
        '    print(json.dumps({"vh_metadata": {"accuracy": score(x)}}))',
        '    {"vh_metadata": {"accuracy": score(x)}}',
        '    metrics = {"vh_metadata": {"accuracy": 1}}',
        '        "vh_metadata": {',
        '  "vh_metadata": "a key of mine"',
        "KeyError: 'vh_metadata'",
        'json.decoder.JSONDecodeError: {"vh_metadata": {"a": 1}',
        '{"settings": {"vh_metadata": {"a": 1}}}',
        '"vh_metadata"',
        '["vh_metadata", {"a": 1}]',
        '{"vh_metadata": {"a": 1',
        "{'vh_metadata': {'a': 1,",
        '127.0.0.1 - GET /?x={"vh_metadata": {}} 200',
        '{"my_vh_metadata": {"a": 1}}',
        '{"accuracy": 0.9}',
    ],
)
def test_other_lines_are_nobodys_matter(stream, line):
    assert read(stream, line) is None


def test_a_line_in_which_something_was_hidden_is_not_judged():
    """The number may have been one that stands in a password, too."""
    assert read("stdout", f'{{"vh_metadata": {{"a": 0.{MASK}}}}}') is None
    assert read("stdout", f'{{"vh_metadata": {{"a": "{MASK}", "b": 1}}}}').numbers == {"b": 1.0}


def test_a_piece_of_a_long_line_is_told_as_what_it_is():
    start = '{"vh_metadata": {"a": "'
    (fault,) = read("stdout", start + "x" * (LONGEST - len(start))).faults
    assert fault.why == "has over 65,536 characters"
    assert read("stdout", "x" * LONGEST + " vh_metadata") is None


@pytest.mark.parametrize("depth", [100, 30_000])
def test_deep_nesting_does_no_harm(depth):
    reading = read("stdout", '{"vh_metadata": {"a": ' + "[" * depth + "]" * depth + "}}")
    assert reading.numbers == {}
    assert len(reading.faults) == 1


def test_long_texts_are_shortened_and_halves_of_characters_taken_out():
    reading = read("stdout", '{"vh_metadata": {"a": "%s", "b\\ud800": "\\udfff"}}' % ("ü" * 500))
    assert len(reading.texts["a"]) == TEXT
    assert reading.texts["a"].endswith("ü…")
    json.dumps(dict(reading.texts), ensure_ascii=False).encode()


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES))
def test_what_python_prints_is_read_whole_or_told(metrics):
    """Each value is a number, a text or told; where JSON has no word for one, the line is told."""
    line = json.dumps({"vh_metadata": metrics}, ensure_ascii=False)
    reading = read("stdout", line)
    if "NaN" in json.dumps(metrics) or "Infinity" in json.dumps(metrics):
        return  # also where a text says so
    plain = {name for name, value in metrics.items() if isinstance(value, int | float) and not isinstance(value, bool)}
    assert len(reading.numbers) <= len(plain)
    assert len(reading.numbers) + len(reading.texts) <= len(metrics)
    assert {fault.name for fault in reading.faults} <= {*reading.texts}


@given(st.text(), st.sampled_from(["stdout", "stderr"]))
def test_no_text_is_too_strange(text, stream):
    for line in (text, f"vh_metadata{text}", f'{{"vh_metadata": {text}', f"{{'vh_metadata': {text}}}"):
        read(stream, line)
