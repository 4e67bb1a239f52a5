"""Which distribution provides an import, and what common distributions bring along. Known by heart, not complete.

Rules use it only where it knows: what is not here makes them silent.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Imports whose distribution has another name. Several: any of them will do.
_PROVIDERS: dict[str, tuple[str, ...]] = {
    "attr": ("attrs",),
    "bs4": ("beautifulsoup4",),
    "cv2": (
        "opencv-python",
        "opencv-python-headless",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
    ),
    "dateutil": ("python-dateutil",),
    "dotenv": ("python-dotenv",),
    "faiss": ("faiss-cpu", "faiss-gpu"),
    "fitz": ("pymupdf",),
    "flask_cors": ("flask-cors",),
    "git": ("gitpython",),
    "jose": ("python-jose",),
    "jwt": ("pyjwt",),
    "magic": ("python-magic",),
    "multipart": ("python-multipart",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "PIL": ("pillow", "pillow-simd"),
    "psycopg2": ("psycopg2", "psycopg2-binary"),
    "rest_framework": ("djangorestframework",),
    "serial": ("pyserial",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn",),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tf-nightly"),
    "torch": ("torch",),
    "valohai": ("valohai-utils",),
    "xgboost": ("xgboost", "xgboost-cpu"),
    "yaml": ("pyyaml",),
    "zmq": ("pyzmq",),
}

_TENSORFLOW = (
    "absl-py",
    "astunparse",
    "certifi",
    "charset-normalizer",
    "flatbuffers",
    "gast",
    "google-pasta",
    "grpcio",
    "h5py",
    "idna",
    "keras",
    "markdown",
    "markupsafe",
    "ml-dtypes",
    "namex",
    "numpy",
    "opt-einsum",
    "optree",
    "packaging",
    "pillow",
    "protobuf",
    "requests",
    "rich",
    "scipy",
    "setuptools",
    "six",
    "tensorboard",
    "termcolor",
    "typing-extensions",
    "urllib3",
    "werkzeug",
    "wrapt",
)

#: What a distribution installs besides itself, as far as people import it; () for nothing. Extras in brackets.
_BRINGS: dict[str, tuple[str, ...]] = {
    "aiohttp": ("multidict", "yarl", "attrs", "frozenlist", "aiosignal", "idna"),
    "attrs": (),
    "beautifulsoup4": ("soupsieve", "typing-extensions"),
    "boto3": ("botocore", "s3transfer", "jmespath", "python-dateutil", "urllib3", "six"),
    "bottle": (),
    "certifi": (),
    "click": (),
    "django": ("asgiref", "sqlparse"),
    "djangorestframework": ("django", "asgiref", "sqlparse", "pytz"),
    "falcon": (),
    "filelock": (),
    "fsspec": (),
    "fastapi": ("starlette", "pydantic", "anyio", "typing-extensions", "idna", "sniffio"),
    "flask": ("werkzeug", "jinja2", "itsdangerous", "click", "blinker", "markupsafe"),
    "flask-cors": ("flask", "werkzeug", "jinja2", "itsdangerous", "click", "blinker", "markupsafe"),
    "gevent": ("greenlet", "zope-event", "zope-interface"),
    "gunicorn": ("packaging",),
    "httpx": ("httpcore", "anyio", "certifi", "idna", "h11", "sniffio"),
    "itsdangerous": (),
    "jinja2": ("markupsafe",),
    "joblib": (),
    "keras": ("absl-py", "numpy", "rich", "namex", "h5py", "optree", "ml-dtypes", "packaging"),
    "lightgbm": ("numpy", "scipy"),
    "markupsafe": (),
    "matplotlib": (
        "contourpy",
        "cycler",
        "fonttools",
        "kiwisolver",
        "numpy",
        "packaging",
        "pillow",
        "pyparsing",
        "python-dateutil",
        "six",
    ),
    "numpy": (),
    "onnxruntime": ("coloredlogs", "flatbuffers", "humanfriendly", "numpy", "packaging", "protobuf", "sympy", "mpmath"),
    "opencv-python": ("numpy",),
    "opencv-python-headless": ("numpy",),
    "orjson": (),
    "pandas": ("numpy", "python-dateutil", "pytz", "six", "tzdata"),
    "pillow": (),
    "pydantic": ("pydantic-core", "typing-extensions", "annotated-types", "typing-inspection"),
    "pyjwt": (),
    "python-dateutil": ("six",),
    "python-dotenv": (),
    "python-multipart": (),
    "pytz": (),
    "pyyaml": (),
    "redis": ("async-timeout",),
    "requests": ("urllib3", "certifi", "idna", "charset-normalizer"),
    "scikit-image": ("numpy", "scipy", "networkx", "pillow", "imageio", "tifffile", "packaging"),
    "scikit-learn": ("numpy", "scipy", "joblib", "threadpoolctl"),
    "scipy": ("numpy",),
    "six": (),
    "starlette": ("anyio", "idna", "sniffio", "typing-extensions"),
    "tensorflow": _TENSORFLOW,
    "tensorflow-cpu": _TENSORFLOW,
    "torch": (
        "filelock",
        "typing-extensions",
        "sympy",
        "mpmath",
        "networkx",
        "jinja2",
        "markupsafe",
        "fsspec",
        "numpy",
    ),
    "torchvision": (
        "torch",
        "filelock",
        "typing-extensions",
        "sympy",
        "mpmath",
        "networkx",
        "jinja2",
        "markupsafe",
        "fsspec",
        "numpy",
        "pillow",
    ),
    "tqdm": (),
    "typing-extensions": (),
    "ujson": (),
    "uvicorn[standard]": (
        "click",
        "h11",
        "typing-extensions",
        "httptools",
        "python-dotenv",
        "pyyaml",
        "uvloop",
        "watchfiles",
        "websockets",
        "anyio",
        "idna",
    ),
    "uvicorn": ("click", "h11", "typing-extensions"),
    "valohai-utils": ("valohai-yaml", "valohai-papi", "requests", "pyyaml"),
    "waitress": (),
    "werkzeug": ("markupsafe",),
    "whitenoise": (),
    "xgboost": ("numpy", "scipy"),
}

#: Commands whose distribution has another name.
_COMMANDS_OF = {"waitress-serve": "waitress", "django-admin": "django"}
#: Distributions with a command, and a module, of their own name.
_COMMANDS = frozenset(
    {
        "bentoml",
        "bokeh",
        "celery",
        "daphne",
        "fastapi",
        "flask",
        "granian",
        "gunicorn",
        "hypercorn",
        "litestar",
        "mlflow",
        "panel",
        "sanic",
        "streamlit",
        "uvicorn",
        "uwsgi",
        "voila",
        "waitress",
    }
)

#: What pip and the official images bring, or is no distribution's own.
_THERE = frozenset({"pip", "setuptools", "pkg_resources", "wheel", "_distutils_hack", "__main__", "distutils", "imp"})


def is_standard(module: str) -> bool:
    """Tell whether a top-level module is Python's own, or always there."""
    return module in sys.stdlib_module_names or module in _THERE or module.startswith("_")


def providers(module: str) -> tuple[str, ...]:
    """Return the canonical names of the distributions that would provide a top-level module."""
    return _PROVIDERS.get(module, (canonicalize_name(module),))


def command_provider(program: str) -> str | None:
    """Return the distribution that installs a command, None where that is not known."""
    return _COMMANDS_OF.get(program, program if program in _COMMANDS else None)


def is_common(module: str) -> bool:
    """Tell whether it is known, not guessed, what provides a top-level module."""
    return module in _PROVIDERS or canonicalize_name(module) in _BRINGS


def brought(names: Iterable[str]) -> frozenset[str] | None:
    """Return all that is installed with these distributions, extras in brackets; None where one is unknown here."""
    found: set[str] = set()
    for name in names:
        if name not in _BRINGS:
            return None
        found |= {name.partition("[")[0], *_BRINGS[name]}
    return frozenset(found)
