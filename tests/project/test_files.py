import pytest

from vhlocal.errors import InputError
from vhlocal.project.config import load_config
from vhlocal.project.files import choose_files

TEXT = """\
- endpoint:
    name: digits
    image: x
    wsgi: a
    files:
      - name: model
        path: models/model.pkl
      - name: labels.v2
        path: labels.json
- endpoint:
    name: plain
    image: x
    wsgi: a
    files:
      - {name: big, path: big.bin}
"""


@pytest.fixture
def choose(project):
    project.write("valohai.yaml", TEXT)

    def choose(chosen, wanted=("digits",)):
        endpoints = load_config(project.directory).endpoints
        return choose_files(endpoints, chosen, project.directory, wanted)

    return choose


def test_each_entry_gets_its_choice(project, choose):
    """B4: the file is chosen when the version is made, and lands at its entry's path."""
    model, labels = project.write("elsewhere.pkl", "12345"), project.write("l.json", "{}")
    choice = choose({"digits.model": model, "digits.labels.v2": labels})
    assert [
        (chosen.entry.name, chosen.entry.path, chosen.source, chosen.size) for chosen in choice.files["digits"]
    ] == [
        ("model", "models/model.pkl", model, 5),
        ("labels.v2", "labels.json", labels, 2),
    ]
    assert list(choice.files) == ["digits"]
    assert choice.notices == ()


def test_a_file_at_the_entry_s_own_path_is_used_with_a_notice(project, choose):
    """B4: never without a word, since production would not choose it."""
    model = project.write("models/model.pkl", "1")
    labels = project.write("labels.json", "{}")
    choice = choose({"digits.labels.v2": labels})
    assert choice.files["digits"][0].source == model
    (notice,) = choice.notices
    assert notice.text == "using ./models/model.pkl for digits.model; choose another with --file digits.model=PATH"
    assert (notice.endpoint, notice.place.line) == ("digits", 6)


def test_missing_choices_are_told_together_with_the_flags_to_write(choose):
    """B4: a missing one is a clear error before anything is built."""
    with pytest.raises(InputError, match=r"no file is chosen for `digits\.model`") as caught:
        choose({})
    error = caught.value
    assert error.hint == "choose it: --file digits.model=PATH"
    assert error.place.line == 6
    assert "no file is chosen for `digits.labels.v2`" in error.detail


def test_an_unknown_choice_is_told_with_the_nearest(project, choose):
    """B4: a choice names an endpoint and one of its files."""
    with pytest.raises(InputError, match=r"no endpoint has a file `digits\.modle`") as caught:
        choose({"digits.modle": project.write("m")})
    assert caught.value.hint == "did you mean `digits.model`?"


@pytest.mark.parametrize(("path", "words"), [("none.pkl", "does not exist"), ("folder", "is not a file")])
def test_a_choice_that_is_no_file_is_told(project, choose, path, words):
    """B4: a missing one is a clear error before anything is built."""
    (project.directory / "folder").mkdir()
    with pytest.raises(InputError, match=words) as caught:
        choose({"digits.model": project.directory / path, "digits.labels.v2": project.write("l")})
    assert "--file digits.model=PATH" in caught.value.hint


def test_choices_for_endpoints_that_are_not_wanted_are_no_matter(project, choose):
    assert choose({"digits.model": project.directory / "none"}, wanted=()).files == {}
