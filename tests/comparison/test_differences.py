"""What counts as a difference between two answers, and what does not."""

from __future__ import annotations

import gzip
import hashlib
import json
import math

import pytest

from tests.exchanges import answered, sent
from vhlocal.comparison import values
from vhlocal.comparison.differences import differences, noise, told
from vhlocal.comparison.paths import parse
from vhlocal.comparison.prefixes import Prefixes
from vhlocal.comparison.rules import DEFAULT, Rules, Tolerance
from vhlocal.comparison.values import texts
from vhlocal.exchanges import Answer, Body, whole


def lines(before: Answer, after: Answer, rules: Rules = DEFAULT, quiet=()) -> list[str]:
    """The differences as texts, in their order; there are as many the other way round."""
    found = differences(before, after, rules, quiet)
    assert len(found) == len(differences(after, before, rules, quiet))
    return [str(one) for one in found]


def test_the_first_is_told_and_the_others_are_counted():
    before = answered({"probability": 0.998, "digit": 7, "labels": ["a", "b"], "name": "seven"})
    after = answered({"probability": 0.871, "digit": 1, "labels": ["a"], "name": "one"})
    found = differences(before, after)
    assert told("predict", found) == "predict: $.digit 7 → 1 (and 3 more)"
    assert [str(one) for one in found] == [
        "$.digit 7 → 1",
        "$.labels 2 → 1 items",
        '$.name "seven" → "one"',
        "$.probability 0.998 → 0.871",
    ]
    assert told("predict", found[:2]) == "predict: $.digit 7 → 1 (and 1 more)"
    assert told("predict", found[:1]) == "predict: $.digit 7 → 1"
    assert told("predict", ()) == "predict: the same"
    assert told("predict", found[-1:]) == "predict: $.probability 0.998 → 0.871"


def test_the_status_comes_first_however_short_the_others_are():
    found = lines(answered({"a": 1}), answered({"a": 2}, status=500))
    assert found == ["status 200 → 500", "$.a 1 → 2"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"p": 0.998}, {"p": 0.998 * (1 + 9e-7)}, []),
        ({"p": 0.998}, {"p": 0.998 * (1 + 2e-6)}, ["$.p 0.998 → 0.998002"]),
        ({"p": 0.1}, {"p": 0.1000002}, ["$.p 0.1 → 0.1000002"]),
        ({"id": 10_000_000}, {"id": 10_000_001}, ["$.id 10000000 → 10000001"]),
        ({"n": 1}, {"n": 1.0}, []),
        ({"n": 10_000_000}, {"n": 10_000_001.0}, []),
        ({"n": 1}, {"n": True}, ["$.n 1 → true"]),
        ([[1]], [[True]], ["$[0][0] 1 → true"]),
        ({"n": 0}, {"n": False}, ["$.n 0 → false"]),
        ({"n": None}, {}, ["$.n null → missing"]),
        ({}, {"n": 0}, ["$.n missing → 0"]),
        ({"n": "1"}, {"n": 1}, ['$.n "1" → 1']),
        ({"n": {"a": 1}}, {"n": [1]}, ["$.n {1 keys} → [1 items]"]),
        ({"odd name": {"": [0]}}, {"odd name": {"": [1]}}, ['$["odd name"][""][0] 0 → 1']),
        ([], {}, ["$ [] → {}"]),
        ([5], [None], ["$[0] 5 → null"]),
        ({"n": "ä"}, {"n": 1}, ['$.n "ä" → 1']),
        (10**59, 1.5, [f"$ 1{'0' * 59} → 1.5"]),
        (10**400, 10**400, []),
        (10**400, 1.5, [f"$ 1{'0' * 59}… → 1.5"]),
    ],
)
def test_json_is_compared_by_path(before, after, expected):
    assert lines(answered(before), answered(after)) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("NaN", "NaN", []),
        ("[NaN, 1]", "[NaN, 2]", ["$[1] 1 → 2"]),
        ("NaN", "NaN ", []),
        ("[NaN, Infinity, -Infinity]", "[NaN,Infinity,-Infinity]", []),
        ("NaN", "1.0", ["$ nan → 1"]),
        ("Infinity", "Infinity", []),
        ("Infinity", "-Infinity", ["$ inf → -inf"]),
        ("Infinity", "1e308", ["$ inf → 1e+308"]),
        ("1e999", "Infinity", ["body JSON with a number that no float can hold, 5 bytes → JSON, 8 bytes"]),
        ("NaN", "null", ["$ NaN → null"]),
    ],
)
def test_nan_and_infinities_are_themselves_alone(before, after, expected):
    found = lines(sent(before.encode(), "application/json"), sent(after.encode(), "application/json"))
    assert found == expected


def test_a_tolerance_that_was_set_goes_for_its_path_and_below_and_for_integers():
    wide = Tolerance(relative=0.1, integers=True)
    rules = Rules(tolerances=((parse("$.scores"), wide), (parse("$.scores[*].exact"), Tolerance(relative=0))))
    before = {"scores": [{"p": 1.0, "n": 100, "exact": 1.0}], "p": 1.0}
    after = {"scores": [{"p": 1.05, "n": 105, "exact": 1.0000001}], "p": 1.05}
    assert lines(answered(before), answered(after), rules) == [
        "$.p 1 → 1.05",
        "$.scores[0].exact 1.0 → 1.0000001",
    ]
    absolute = Rules(tolerance=Tolerance(relative=0, absolute=0.5))
    assert lines(answered([0.0, 0.0]), answered([0.5, 0.6]), absolute) == ["$[1] 0 → 0.6"]


def test_ignored_paths_do_not_count_nor_what_is_below_or_missing_there():
    rules = Rules(ignored=(parse("$.took"), parse("$.items[*].id"), parse("$.items[0].x")))
    before = {"took": 1, "items": [{"id": 1, "x": 1}, {"id": 2, "x": 1}]}
    after = {"items": [{"id": 9, "x": 2}, {"x": 2}]}
    assert lines(answered(before), answered(after), rules) == ["$.items[1].x 1 → 2"]


def test_lists_as_sets_may_be_in_any_order_within_the_tolerance():
    rules = Rules(sets=(parse("$.labels"),), ignored=(parse("$.labels[*].id"),))
    before = {"labels": [{"n": "a", "p": 0.5, "id": 1}, {"n": "b", "p": 0.25}, {"n": "b", "p": 0.25}]}
    same = {"labels": [{"p": 0.2500000001, "n": "b"}, {"p": 0.5, "n": "a", "id": 7}, {"n": "b", "p": 0.25}]}
    assert lines(answered(before), answered(same), rules) == []
    other = {"labels": [{"n": "b", "p": 0.25}, {"n": "a", "p": 0.5}, {"n": "a", "p": 0.5}]}
    assert lines(answered(before), answered(other), rules) == [
        "$.labels missing → {2 keys}",
        "$.labels {2 keys} → missing",
    ]
    assert lines(answered({"labels": [1, True, "1"]}), answered({"labels": ["1", 1, 1]}), rules) == [
        "$.labels missing → 1",
        "$.labels true → missing",
    ]


@pytest.mark.parametrize(
    ("before", "after", "ignored", "expected"),
    [
        # As many as can be are paired, and one that is near to all has to give way.
        ([1.0, 1.0, 1.0], [1.0, 1.0, 5.0], (), ["$ 1.0 → missing", "$ missing → 5.0"]),
        (["a", "b"], ["a", "c"], (), ['$ "b" → missing', '$ missing → "c"']),
        ([{"n": "a", "id": 1}, {"n": "a", "id": 2}], [{"n": "a", "id": 3}, {"n": "a", "id": 4}], ("$[*].id",), []),
        ([{"n": 1, "id": 1}, {"n": 2, "id": 2}], [{"n": 1, "id": 9}, {"n": 2, "id": 2}], ("$[0].id",), []),
        ([{"a": [1, 2]}], [{"a": [9, 2]}], ("$[*].a[0]",), []),
        ([{"a": [1, 2]}], [{"a": [9, 2]}], ("$[*].a[1]",), ["$ missing → {1 keys}", "$ {1 keys} → missing"]),
        ([["a", "b"], ["c"]], [["c"], ["b", "a"]], (), []),
        ([[{"n": 1, "id": 1}, {"n": 1, "id": 2}]], [[{"n": 1, "id": 2}, {"n": 1, "id": 1}]], ("$[*][*].id",), []),
    ],
)
def test_a_set_leaves_what_is_paired_with_nothing(before, after, ignored, expected):
    rules = Rules(sets=(parse("$"), parse("$[*]")), ignored=tuple(map(parse, ignored)))
    assert sorted(lines(answered(before), answered(after), rules)) == sorted(expected)


def test_what_lies_beside_a_set_is_compared_too():
    before, after = {"p": 1, "labels": [1, 2], "q": 1}, {"p": 2, "labels": [2, 1], "q": 2}
    assert lines(answered(before), answered(after), Rules(sets=(parse("$.labels"),))) == ["$.p 1 → 2", "$.q 1 → 2"]


def test_an_element_of_a_set_keeps_the_rules_of_its_index_once_others_are_paired():
    """What had another prefix is compared once more, without what was the same: as the first, it was ignored."""
    old, new = "/o/p/d/old/e", "/o/p/d/new/e"
    rules = Rules(sets=(parse("$"),), ignored=(parse("$[0].id"),))
    before = answered([{"u": "same", "id": 0}, {"u": f"{old}/x", "id": 1}], prefix=old)
    after = [{"u": "same", "id": 0}, {"u": f"{new}/x", "id": 2}]
    assert len(lines(before, answered(after, prefix=new), rules)) == 2
    assert lines(before, answered([after[0], {**after[1], "id": 1}], prefix=new), rules) == []


def test_elements_of_a_set_that_are_ignored_do_not_count():
    rules = Rules(sets=(parse("$"),), ignored=(parse("$[0]"),))
    assert lines(answered([1, 2, 3]), answered([9, 3, 2]), rules) == []
    assert lines(answered([1, 2, 3]), answered([9, 3, 4]), rules) == ["$ 2 → missing", "$ missing → 4"]


def test_lists_in_sets_are_sets_where_they_are_said_to_be():
    before, after = ({"boxes": boxes} for boxes in ([[1, 2], [3]], [[3], [2, 1.0000001]]))
    outer, inner = parse("$.boxes"), parse("$.boxes[*]")
    assert lines(answered(before), answered(after), Rules(sets=(outer, inner))) == []
    assert len(lines(answered(before), answered(after), Rules(sets=(outer,)))) == 2
    assert len(lines(answered(before), answered({"boxes": [[3], [2, 9]]}), Rules(sets=(outer, inner)))) == 2


def test_elements_of_sets_are_paired_whatever_order_numbers_that_are_near_put_them_in():
    """Scores that differ by a rounding sort another way; what hangs on them is the same."""
    one = [{"k": 1.0, "v": 5}, {"k": 1.0000001, "v": 9}, {"k": 1.0, "v": 7}]
    other = [{"k": 1.0, "v": 9}, {"k": 1.0, "v": 5}, {"k": 1.0000002, "v": 7}]
    rules = Rules(sets=(parse("$"),))
    assert lines(answered(one), answered(other), rules) == []
    other[0]["v"] = 8
    assert len(lines(answered(one), answered(other), rules)) == 2


@pytest.mark.parametrize(("most", "found"), [(9, 0), (8, 2)])
def test_so_many_elements_of_one_form_are_paired_by_trying_and_no_more(monkeypatch, most, found):
    """It takes time that grows with the square of their number."""
    monkeypatch.setattr(values, "_MOST_TRIED", most)
    one = [{"k": 1.0, "v": 5}, {"k": 1.0000001, "v": 9}, {"k": 1.0, "v": 7}]
    other = [{"k": 1.0, "v": 9}, {"k": 1.0, "v": 5}, {"k": 1.0000002, "v": 7}]
    assert len(lines(answered(one), answered(other), Rules(sets=(parse("$"),)))) == found


def test_a_tolerance_holds_at_its_very_bound():
    half, ulp = Tolerance(0.0, 0.5), math.ulp(1.5)
    assert half.allows(1.0, 1.5 + 2 * ulp)
    assert not half.allows(1.0, 1.5 + 3 * ulp)
    near = Rules(tolerance=Tolerance(0.0, 0.01))
    assert lines(answered([0.99]), answered([1.0]), near) == []
    assert lines(answered([0.99]), answered([1.000001]), near) == ["$[0] 0.99 → 1"]
    assert lines(answered([0.99]), answered([0.99000001]), Rules(tolerance=Tolerance(0.0))) != []


def test_long_texts_are_shown_where_they_differ():
    """By their beginnings they would be the same on both sides."""
    same = "x" * 5000
    assert lines(answered({"a": f"{same}1{same}"}), answered({"a": f"{same}2{same}"})) == [
        f'$.a "…{"x" * 20}1{"x" * 39}…" → "…{"x" * 20}2{"x" * 39}…"'
    ]
    page, other = (sent(f"a\n{same}{end}".encode(), "text/plain") for end in ("", "!"))
    assert lines(page, other) == [f'line 2 "…{"x" * 20}" → "…{"x" * 20}!"']
    deep = json.loads('{"a":' * 150 + "1" + "}" * 150)
    assert [len(line) for line in lines(answered(deep), answered({"a": deep}))] == [134]


@pytest.mark.parametrize(
    ("same", "length", "start"),
    [
        (0, 61, 0),
        (30, 61, 0),
        (40, 61, 0),
        (41, 61, 21),
        (50, 61, 30),
        (50, 60, 0),
        (50, 90, 30),
        (50, 91, 30),
        (4096, 5000, 4076),
        (10_000, 10_100, 9980),
    ],
)
def test_a_text_is_shown_from_a_little_before_it_differs(same, length, start):
    """Short ones whole, long ones with 20 letters before the first that differs, 60 in all."""
    for letter, text in zip("12", texts(*(("x" * same + letter).ljust(length, "ä") for letter in "12")), strict=True):
        whole = ("x" * same + letter).ljust(length, "ä")
        beginning, end = "…" if start else "", "…" if length > start + 60 else ""
        assert text == f'"{beginning}{whole[start : start + 60]}{end}"'


@pytest.mark.parametrize(
    ("letters", "where"),
    [(118, f"$.{'a' * 118}"), (119, f"$.{'a' * 58}…{'a' * 60}"), (140, f"$.{'a' * 58}…{'a' * 60}")],
)
def test_a_long_path_is_shown_by_its_ends(letters, where):
    """Up to 120 letters are shown whole."""
    assert lines(answered({"a" * letters: 1}), answered({"a" * letters: 2})) == [f"{where} 1 → 2"]


def test_a_name_that_an_object_has_twice_counts_both_times():
    """Readers take either value: what only one of them sees may not pass as the same."""
    one, other = (sent(body, "application/json") for body in (b'{"a": 1, "a": 2}', b'{"a": 3, "a": 2}'))
    assert lines(one, other) == ['line 1 "{\\"a\\": 1, \\"a\\": 2}" → "{\\"a\\": 3, \\"a\\": 2}"']
    assert lines(one, one) == []
    assert lines(one, answered({"a": 2})) == ["body JSON with a name twice in an object, 16 bytes → JSON, 8 bytes"]


def test_what_differs_between_two_old_answers_is_never_told():
    old, again = answered({"id": 1, "p": 0.5, "now": [1, 2]}), answered({"id": 2, "p": 0.5, "now": [1, 2, 3]})
    quiet = noise(old, again)
    assert quiet == {("body", "$", "id"), ("body", "$", "now")}
    new = answered({"id": 3, "p": 0.7, "now": [9]})
    assert lines(old, new, quiet=quiet) == ["$.p 0.5 → 0.7"]
    # What is above a noisy place is told all the same.
    below = noise(answered({"a": {"id": 1}}), answered({"a": {"id": 2}}))
    assert lines(answered({"a": {"id": 1}}), answered({"a": None}), quiet=below) == ["$.a {1 keys} → null"]
    # And a body that is sometimes another thing altogether says nothing.
    assert lines(old, new, quiet=noise(old, sent(b"busy", "text/plain"))) == []


def test_text_is_compared_by_line():
    def text(content: str) -> Answer:
        return sent(content.encode(), "text/plain; charset=utf-8")

    assert lines(text("a\nb\nc"), text("a\nB\nc")) == ['line 2 "b" → "B"']
    assert lines(text("a\nb\nc"), text("a\nnew\nb\nc")) == ['line 2 missing → "new"']
    assert lines(text("a\nb\nc\nd"), text("a\nx\nd")) == ['line 2 2 lines → "x"']
    assert lines(text("a\n"), text("a")) == ['line 2 "" → missing']
    assert lines(text("a\r\nb"), text("a\nb")) == ['line 1 "a\\r" → "a"']
    assert lines(text("a"), text("")) == ['line 1 "a" → ""']
    assert lines(text("a\na"), text("a")) == ['line 2 "a" → missing']
    assert lines(text("a\nb\nc\nd\ne"), text("a\nb\nx\ny\nd\ne")) == ['line 3 "c" → 2 lines']
    assert [one.location for one in differences(text("a\nb\nc"), text("a\nB\nc"))] == [("body", "line", 2)]
    assert [one.location for one in differences(text("a\nb"), text("a"))] == [("body",)]


def test_json_that_an_app_calls_html_is_json():
    one, other = (sent(json.dumps({"p": p}).encode(), "text/html; charset=utf-8") for p in (0.5, 0.5 + 1e-9))
    assert lines(one, other) == []


def test_lines_of_json_are_compared_as_a_list():
    one, other = (sent(b'{"p": 0.5}\n{"p": %s}\n' % p, "application/x-ndjson") for p in (b"0.25", b"0.75"))
    assert lines(one, other) == ["$[1].p 0.25 → 0.75"]


def test_what_is_of_another_kind_now_is_told_with_its_size():
    before, after = answered({"a": 1}), sent(b"<h1>500</h1>", "text/html", status=500)
    assert lines(before, after) == [
        "status 200 → 500",
        "body JSON, 8 bytes → text, 12 bytes",
        'content-type "application/json" → "text/html"',
    ]
    assert lines(before, Answer(200, before.headers)) == ["body JSON, 8 bytes → empty"]
    broken = sent(b'{"a": ', "application/json")
    assert lines(before, broken) == ["body JSON, 8 bytes → text, 6 bytes"]


def test_compressed_bodies_are_looked_into():
    body = json.dumps({"p": 0.5}).encode()
    one = sent(gzip.compress(body, mtime=1), "application/json", content_encoding="gzip")
    other = sent(gzip.compress(body, 1, mtime=2), "application/json", content_encoding="gzip")
    assert one.body != other.body
    assert lines(one, other) == []
    assert lines(one, answered({"p": 0.75})) == ["$.p 0.5 → 0.75"]
    cut = sent(gzip.compress(body)[:-4], "application/json", content_encoding="gzip")
    assert lines(one, cut)[0].startswith("body JSON, ")


def test_other_bodies_are_compared_by_length_and_hash():
    def data(content: bytes) -> Answer:
        return sent(content, "application/octet-stream")

    assert lines(data(b"\0\1"), data(b"\0\1")) == []
    assert lines(data(b"\0\1"), data(b"\0\1\2")) == ["body 2 bytes → 3 bytes"]
    one, other = (hashlib.sha256(content).hexdigest()[:12] for content in (b"\0\1", b"\0\2"))
    assert lines(data(b"\0\1"), data(b"\0\2")) == [f"body 2 bytes, {one} → {other}"]
    assert [found.location for found in differences(data(b"\0\1"), data(b"\0\2"))] == [("body",)]
    kind = "application/octet-stream"
    packed, again = (sent(gzip.compress(b"\0\1", mtime=time), kind, content_encoding="gzip") for time in (1, 2))
    assert packed.body != again.body
    assert lines(packed, again) == []


def test_bodies_that_were_not_kept_are_compared_by_length_and_hash():
    def large(digest: str, length: int = 5_000_000) -> Answer:
        return Answer(200, (), Body(None, length, digest, "larger than 1 MiB"))

    assert lines(large("a" * 64), large("a" * 64)) == []
    assert lines(large("a" * 64), large("b" * 64)) == ["body 5000000 bytes, aaaaaaaaaaaa → bbbbbbbbbbbb"]
    assert [found.location for found in differences(large("a" * 64), large("b" * 64))] == [("body",)]
    kept = Answer(200, (), whole(b"x" * 10))
    assert lines(large("a" * 64, 10), kept) != []
    digest = hashlib.sha256(b"x" * 10).hexdigest()
    assert lines(large(digest, 10), kept) == []
    assert lines(kept, Answer(200, (), Body(None, 10, "", "cut"))) == [f"body 10 bytes, {digest[:12]} → cut"]
    assert lines(kept, Answer(200, (), Body(None, 10))) == [f"body 10 bytes, {digest[:12]} → not kept"]


def test_headers_that_are_chosen_are_compared_and_no_others():
    one = answered({}, X_Model="1", Date="monday", Set_Cookie="a=1")
    other = answered({}, X_Model="2", Date="tuesday", Set_Cookie="a=2")
    assert lines(one, other) == []
    assert lines(one, other, Rules(headers=("X-Model",))) == ['x-model "1" → "2"']
    spaced = sent(b"{}", "Application/JSON;charset=UTF-8")
    assert lines(sent(b"{}", "application/json; charset=UTF-8"), spaced) == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [("1", '"1"'), ("é", '"é"'), ("x" * 60, f'"{"x" * 60}"'), ("x" * 61, f'"{"x" * 60}…"')],
)
def test_a_header_that_is_not_there_is_missing(value, shown):
    one, other, rules = answered({}, X_Model=value), answered({}), Rules(headers=("X-Model",))
    assert lines(one, other, rules) == [f"x-model {shown} → missing"]
    assert lines(other, one, rules) == [f"x-model missing → {shown}"]
    assert [found.location for found in differences(one, other, rules)] == [("header", "x-model")]


def test_long_headers_are_shown_where_they_differ():
    one, other = (answered({}, Location="/" + "x" * 100 + end) for end in "12")
    assert lines(one, other) == [f'location "…{"x" * 20}1" → "…{"x" * 20}2"']


def test_a_charset_that_is_named_or_spelled_otherwise_is_the_same():
    """RFC 9110, section 8.3.2: in any case."""
    plain, named, upper = (sent(b"a", f"text/plain{more}") for more in ("", "; charset=utf-8", ";charset=UTF-8"))
    assert lines(plain, named) == lines(named, upper) == []


def test_the_path_that_was_asked_under_is_no_difference_but_another_is():
    old, new = "/o/p/d/20260101.0/e", "/o/p/d/live/e"
    before = answered({"next": f"http://h{old}/2", "all": [f"{old}/"]}, prefix=old, Location=f"{old}/x")
    after = answered({"next": f"http://h{new}/2", "all": [f"{new}/"]}, prefix=new, Location=f"{new}/x")
    rules = Rules(sets=(parse("$.all"),))
    assert lines(before, after) == lines(before, after, rules) == []
    longer = answered({"next": f"http://h{new}er/2", "all": [f"{new}/"]}, prefix=new, Location=f"{new}/x")
    assert [one.where for one in differences(before, longer)] == ["$.next"]
    before, after = (sent(f'<a href="{prefix}/x">'.encode(), "text/html", prefix=prefix) for prefix in (old, new))
    assert lines(before, after) == []


def test_a_text_that_was_a_number_differs_under_another_path_too():
    before, after = answered({"a": "1"}, prefix="/o/p/d/v/e"), answered({"a": 1}, prefix="/o/p/d/live/e")
    assert lines(before, after) == ['$.a "1" → 1']


def test_where_only_one_path_is_known_nothing_else_is_taken_for_it():
    known = Prefixes("", "/o/p/d/v/e")
    assert not known.same("", "/o/p/d/v/e")
    assert known.neutral_before("a") == "a"


def test_an_answer_that_broke_off_is_another():
    before = answered([1])
    assert lines(before, Answer(200, before.headers, before.body, "", "the server hung up")) == [
        "body whole → the server hung up"
    ]
    assert lines(Answer(200, before.headers, before.body, "", "the server hung up"), before) == [
        "body the server hung up → whole"
    ]
    (found,) = differences(before, Answer(200, before.headers, before.body, "", "the server hung up"))
    assert found.location == ("body", "end")
