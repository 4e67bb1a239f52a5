"""What is known of distributions, and what they bring by the versions that requirements take."""

from pathlib import Path

import pytest

from vhlocal.checks.distributions import brought, command_providers, is_common, providers
from vhlocal.checks.requirements import parse
from vhlocal.model import Place
from vhlocal.project.requirements import RequirementLine

SLIM = "python:3.13-slim"


def with_lines(*lines, image=SLIM):
    """Return what requirements with these lines bring; those behind a ``-c`` are constraints."""
    read = [
        RequirementLine(Place(Path("requirements.txt"), n), line.removeprefix("-c "), constraint=line.startswith("-c "))
        for n, line in enumerate(lines, 1)
    ]
    return brought(parse("requirements.txt", read), image)


@pytest.mark.parametrize(
    ("module", "first"),
    [
        ("PIL", "pillow"),
        ("cv2", "opencv-python"),
        ("Crypto", "pycryptodome"),
        ("imblearn", "imbalanced-learn"),
        ("yaml", "pyyaml"),
        ("twisted", "twisted"),
        ("xgboost", "xgboost"),
    ],
)
def test_an_import_leads_to_its_distribution_the_usual_one_first(module, first):
    assert is_common(module) and providers(module)[0] == first


def test_of_a_module_that_nobody_has_the_name_alone_is_guessed():
    assert (providers("own_module"), is_common("own_module")) == (("own-module",), False)


def test_a_command_leads_to_all_that_install_it():
    assert command_providers("waitress-serve") == ["waitress"]
    assert command_providers("plotly") == ["dash"]
    assert command_providers("python3") == command_providers("pip") == ()


@pytest.mark.parametrize(
    ("lines", "there", "not_there"),
    [
        (("flask",), {"flask", "werkzeug", "jinja2", "markupsafe", "click"}, {"gunicorn", "numpy"}),
        (("fastapi",), {"starlette", "pydantic", "pydantic-core"}, {"uvicorn", "python-multipart", "jinja2"}),
        (("fastapi==0.111.0",), {"uvicorn", "python-multipart", "jinja2"}, {"gunicorn"}),
        (("fastapi==0.110.0",), {"starlette"}, {"uvicorn"}),
        (("fastapi<0.112",), {"uvicorn"}, {"gunicorn"}),
        (("flask==2.*",), {"importlib-metadata", "werkzeug"}, {"gunicorn"}),
        (("fastapi==0.110.0; python_version < '3.9'", "fastapi==0.111.0"), {"uvicorn"}, {"gunicorn"}),
        (("fastapi", "-c fastapi==0.111.0"), {"uvicorn"}, {"gunicorn"}),
        (("fastapi>=0.100",), {"starlette"}, {"uvicorn"}),
        (("fastapi[standard]",), {"uvicorn", "fastapi-cli", "httpx"}, {"gunicorn"}),
        (("uvicorn[standard]",), {"httptools", "websockets", "anyio"}, {"fastapi"}),
        (("pandas",), {"numpy", "python-dateutil"}, {"scipy"}),
        (("tensorflow==2.4.1",), {"keras-preprocessing", "requests", "google-auth"}, {"flask"}),
        (("uwsgi",), {"uwsgi"}, {"flask"}),
    ],
)
def test_what_requirements_bring_depends_on_the_versions_that_they_take(lines, there, not_there):
    found = with_lines(*lines)
    assert there <= found
    assert not not_there & found


def test_where_one_is_unknown_or_older_than_what_is_known_nothing_is_said():
    assert with_lines("flask", "acme-models") is None
    assert with_lines("flask[acme]") is None
    assert with_lines("numpy==1.0") is None
    assert with_lines("flask>=2") is not None
    assert brought(None, SLIM) == frozenset()


def test_an_old_python_is_not_thought_to_get_the_newest():
    assert "uvicorn" not in with_lines("fastapi", image="python:3.13")
    assert "uvicorn" in with_lines("fastapi", image="python:3.6")
