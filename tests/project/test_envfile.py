import pytest

from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.project.envfile import read_env_file


def test_lines_are_read(project):
    """B8: variables from a file."""
    text = (
        "# a comment\n\nA=1\nexport B = two words \nC=\nD=\"quoted # kept\" # not this\nE='single'\n"
        'F=plain # dropped\nG=a#b\nH=x=y\nI="open\nA=2\nJ=$A\n'
    )
    values = {name: value for name, (value, _) in read_env_file(project.write("my.env", text)).items()}
    assert values == {
        "A": "2",
        "B": "two words",
        "C": "",
        "D": "quoted # kept",
        "E": "single",
        "F": "plain",
        "G": "a#b",
        "H": "x=y",
        "I": '"open',
        "J": "$A",
    }


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nothing", "is not NAME=VALUE"),
        ("1A=x", "not a valid variable"),
        ("=x", "not a valid variable"),
        ("A B=x", "not a valid"),
    ],
)
def test_a_wrong_line_is_told_with_its_number(project, line, words):
    file = project.write("my.env", f"A=1\n{line}\n")
    with pytest.raises(InputError, match=words) as caught:
        read_env_file(file)
    assert caught.value.place == Place(file, 2)


def test_a_file_that_cannot_be_read_is_told(project):
    with pytest.raises(InputError, match="cannot be read"):
        read_env_file(project.directory)
    with pytest.raises(InputError, match="not UTF-8"):
        read_env_file(project.write("my.env", b"A=\xff"))
