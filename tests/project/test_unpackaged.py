import pytest

from vhlocal.project.unpackaged import Unpackaged


@pytest.fixture(params=["project", "repository"])
def either(request):
    return request.getfixturevalue(request.param)


def has(project, *paths):
    unpackaged = Unpackaged(project.directory)
    return [path for path in paths if unpackaged.has(path)]


def test_directories_that_are_packaged_or_may_be_matter(either):
    """B5: also those that hold nothing packaged now."""
    either.write("src/inner/mod.py")
    either.write("data/big.csv")
    either.write(".vhignore", "*.csv\n")
    assert has(either, "", "src", "src/inner", "data", "not/there") == []


def test_dotted_directories_at_the_top_never_matter(either):
    either.write(".config/x")
    either.write(".venv/lib/x")
    assert has(either, ".git", ".config", ".venv", ".venv/lib", ".new") == [
        ".git",
        ".config",
        ".venv",
        ".venv/lib",
        ".new",
    ]


def test_dotted_directories_below_matter_in_a_repository_alone(repository):
    """B5: the client's own walk leaves them out everywhere."""
    repository.write("src/.hidden/x")
    assert has(repository, "src/.hidden", "src/.git") == ["src/.git"]


def test_dotted_directories_below_never_matter_without_a_repository(project):
    project.write("src/.hidden/x")
    assert has(project, "src/.hidden") == ["src/.hidden"]


def test_what_an_ignore_file_names_does_not_matter(either):
    either.write(".gitignore", "build/\n/data\n*.csv\n")
    either.write(".vhignore", "notes/\n")
    for path in ("src/build/x", "data/x", "src/data/x", "notes/x", "tables/a.csv"):
        either.write(path)
    paths = ("src/build", "src/build/new", "data", "src/data", "notes", "tables", "src")
    assert has(either, *paths) == ["src/build", "src/build/new", "data", "notes"]


def test_in_a_repository_ignore_files_count_wherever_they_are(repository):
    repository.write("src/.gitignore", "out/\n")
    repository.write("out/x")
    repository.write("src/out/x")
    repository.write(".git/info/exclude", "local/\n")
    repository.write("local/x")
    assert has(repository, "out", "src/out", "local") == ["src/out", "local"]


def test_an_ignored_directory_in_which_something_is_tracked_matters(repository):
    repository.write("build/kept/x")
    repository.git("add", "-A")
    repository.write(".gitignore", "build/\n")
    repository.write("build/other/y")
    assert has(repository, "build", "build/kept", "build/other") == ["build/other"]


def test_a_directory_in_which_all_happens_to_be_ignored_matters(repository):
    """Another file in it would be packaged."""
    repository.write(".gitignore", "*.csv\nbuild/\n")
    repository.write("data/deep/a.csv")
    repository.write("only/build/x")
    assert has(repository, "data", "data/deep", "only", "only/build") == ["only/build"]


def test_a_directory_that_ignores_itself_does_not_matter(repository):
    """As tools write it into what they make; but not if it excepts something."""
    repository.write("made/.gitignore", "# Automatically created\n\n*\n")
    repository.write("made/deep/x")
    repository.write("partly/.gitignore", "*\n!*.py\n")
    repository.write("partly/x")
    assert has(repository, "made", "made/deep", "partly") == ["made", "made/deep"]


def test_an_environment_matters_only_while_it_is_packaged(either):
    either.write("env/pyvenv.cfg")
    either.write("env/lib/site.py")
    assert has(either, "env", "env/lib") == []
    either.write(".vhignore", "*.py\n*.cfg\n")
    assert has(either, "env", "env/lib") == ["env", "env/lib"]


@pytest.mark.parametrize("name", ["__pycache__", "node_modules"])
def test_caches_matter_only_while_they_are_packaged(either, name):
    assert has(either, f"src/{name}") == [f"src/{name}"]
    either.write(f"src/{name}/x.pyc")
    assert has(either, f"src/{name}") == []
    either.write(".gitignore", "*.pyc\n")
    assert has(either, f"src/{name}") == [f"src/{name}"]


@pytest.mark.parametrize("name", [":x", "a*b", ":(top)c", "with space", "gr\u00fc\u00df", "new\nline"])
def test_names_that_look_like_patterns_are_names(repository, name):
    repository.write(".gitignore", "in/*/\n!in/kept/\n")
    repository.write(f"in/{name}/x")
    repository.write(f"{name}/x")
    repository.write("in/kept/x")
    assert has(repository, f"in/{name}", name, "in/kept") == [f"in/{name}"]


def test_where_git_fails_too_much_matters_rather_than_too_little(project):
    project.write(".git", "gitdir: /nowhere\n")
    project.write(".gitignore", "build/\n")
    assert has(project, "build", "src", "src/__pycache__", ".config") == ["src/__pycache__", ".config"]
