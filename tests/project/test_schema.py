from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from vhlocal.project.marks import compose
from vhlocal.project.schema import did_you_mean, explain

FILE = Path("some.yaml")
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "oneOf": [{"required": ["left"]}, {"required": ["right"]}],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$", "description": "Lower-case letters."},
        "left": {"type": "integer", "minimum": 1, "maximum": 3},
        "right": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "kind": {"enum": ["a", "b"]},
    },
}


def troubles(text):
    document = compose(text, FILE)
    return [
        (f"{trouble.place.line}:{trouble.place.column}", trouble.message, trouble.hint)
        for trouble in explain(Draft202012Validator(SCHEMA).iter_errors(document.data), document)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: a\nleft: 1\n", []),
        ("left: 1\n", [("1:1", "the file needs `name`", None)]),
        ("name: a\n", [("1:1", "the file needs `left` or `right`", "write one of them")]),
        (
            "right: x\nleft: 1\nname: a\n",
            [("2:1", "the file has both `left` and `right`, but takes only one", "remove one of them")],
        ),
        ("name: A\nleft: 1\n", [("1:7", '`name` is "A", which does not match `^[a-z]+$`', "Lower-case letters.")]),
        ("name: 3\nleft: 1\n", [("1:7", "`name` must be text, not 3", "put the value in quotes")]),
        ("name:\nleft: 1\n", [("1:6", "`name` must be text, not empty", None)]),
        ("name: a\nleft: 0\n", [("2:7", "`left` must be at least 1, not 0", None)]),
        ("name: a\nleft: 4\n", [("2:7", "`left` must be at most 3, not 4", None)]),
        ("name: a\nleft: true\n", [("2:7", "`left` must be a whole number, not true", None)]),
        ("name: a\nright: {}\n", [("2:8", "`right` must be text or a list of text, not a mapping", None)]),
        ("name: a\nleft: 1\nkind: c\n", [("3:7", "`kind`: 'c' is not one of ['a', 'b']", None)]),
        ("name: a\nleft: 1\nknd: a\n", [("3:1", "the file has an unknown key `knd`", "did you mean `kind`?")]),
        ("[]\n", [("1:1", "the file must be a mapping, not an empty list", None)]),
    ],
)
def test_an_error_is_said_plainly_at_its_place(text, expected):
    assert troubles(text) == expected


def test_the_nearest_word_is_offered_or_all_are_listed():
    assert did_you_mean("prot", ["port", "path"]) == "did you mean `port`?"
    assert did_you_mean("zzz", ["port", "path"]) == "choose from: path, port"
    assert did_you_mean("zzz", []) is None
