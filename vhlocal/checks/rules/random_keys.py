"""VH312: a key that is made at random when the code is imported: each replica has another (K3)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.checks.edits import with_import, written
from vhlocal.checks.modules import keyword
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.modules import Module, Site
    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH312",
    title="A secret key is generated at each start",
    severity=Severity.WARNING,
    why="Each replica, each worker and each start generates its own key. What one has signed, such as a session cookie "
    "or a token, is invalid for the others: with several replicas, users are logged out at random, and a restart "
    "or a new version logs out everyone.",
    remedy={
        "": 'Generate the key once, with `python -c "import secrets; print(secrets.token_hex())"`, and give it to '
        "every replica in an environment variable: in production, the project's or the version's; here, with "
        "`--env-file`.",
        "Flask": '`app.secret_key = os.environ["SECRET_KEY"]`; set it in production, and here with `--env-file`.',
        "Django": '`SECRET_KEY = os.environ["SECRET_KEY"]`; set it in production, and here with `--env-file`.',
        "FastAPI": '`secret_key=os.environ["SECRET_KEY"]`; set it in production, and here with `--env-file`.',
    },
    example=Example("python", "app.secret_key = os.urandom(24)", 'app.secret_key = os.environ["SECRET_KEY"]'),
    rows=("K3", "B8"),
)

_RANDOM = {
    "os.urandom",
    "secrets.token_bytes",
    "secrets.token_hex",
    "secrets.token_urlsafe",
    "secrets.choice",
    "secrets.randbits",
    "uuid.uuid1",
    "uuid.uuid4",
    "random.SystemRandom",
    "cryptography.fernet.Fernet.generate_key",
    "django.core.management.utils.get_random_secret_key",
    "django.utils.crypto.get_random_string",
}
#: What gives a value another form, by the last part of its name: nothing else may stand around what is random.
_FORMS = {
    *("str", "bytes", "range", "hex", "decode", "encode", "join", "format", "choice", "hexdigest", "digest"),
    *("sha256", "sha512", "sha1", "md5", "b64encode", "Secret", "urlsafe_b64encode", "standard_b64encode", "b32encode"),
}
#: Flask's settings that are keys, by which sessions and tokens are signed.
_SETTINGS = {"SECRET_KEY", "JWT_SECRET_KEY", "WTF_CSRF_SECRET_KEY"}
_FLASKS = {"flask.Flask", "quart.Quart"}
#: What reads Flask's settings from elsewhere, which may have the key, and a library that keeps sessions elsewhere.
_LOADERS = {"from_envvar", "from_file", "from_json", "from_mapping", "from_prefixed_env", "from_pyfile", "update"}
_DJANGO = {"INSTALLED_APPS", "ROOT_URLCONF", "MIDDLEWARE"}

#: Calls of the start that take a key, each with the argument's place, -1 for none, and name.
_MAKERS: dict[str, tuple[int, str]] = {
    "aiohttp_session.cookie_storage.EncryptedCookieStorage": (0, "secret_key"),
    "fastapi_login.LoginManager": (0, "secret"),
    "fastapi_users.authentication.JWTStrategy": (0, "secret"),
    "starlette.middleware.sessions.SessionMiddleware": (1, "secret_key"),
    "starsessions.SessionMiddleware": (-1, "secret_key"),
    "tornado.web.Application": (-1, "cookie_secret"),
}
#: Calls that a request makes too: the key is one for all of them only if it was made at the module's top.
_USERS: dict[str, tuple[int, str]] = {
    **{
        f"itsdangerous.{module}{name}": (0, "secret_key")
        for name in ("Serializer", "Signer", "TimedSerializer", "TimestampSigner", "URLSafeSerializer")
        for module in ("", "signer.", "serializer.", "timed.", "url_safe.")
    },
    **{f"itsdangerous.{module}URLSafeTimedSerializer": (0, "secret_key") for module in ("", "url_safe.")},
    **{f"{library}.{name}": (1, "key") for library in ("jwt", "jose.jwt") for name in ("encode", "decode")},
    **{f"authlib.jose.jwt.{name}": (place, "key") for name, place in (("encode", 2), ("decode", 1))},
    "jwt.api_jwt.encode": (1, "key"),
    "jwt.api_jwt.decode": (1, "key"),
}
_STARLETTE = "starlette.middleware.sessions.SessionMiddleware"
_SESSIONS = {_STARLETTE, "fastapi.middleware.sessions.SessionMiddleware", "starsessions.SessionMiddleware"}


class _Key(NamedTuple):
    """Where a key is made: the expression, the module that it is in, what it is used for, and a name for it."""

    module: Module
    value: ast.expr
    use: str
    name: str


def find(subject: Subject) -> Iterator[Finding]:
    """Yield each random key once for each endpoint.

    One that stands in for a variable which is not set is none: whether production sets it is not known here.
    """
    for reach in subject.reaches:
        reported: set[tuple[str, int]] = set()
        for key in (*_of_flask(reach), *_of_django(reach), *_of_calls(reach)):
            at = (key.module.path, key.value.lineno)
            if at not in reported:
                reported.add(at)
                read = f'os.environ["{key.name}"]'
                edits = with_import(key.module, written(key.module, key.value, read), "import os")
                seen = f"{key.use} is random: each replica, worker and start has another one"
                change = f"read it from the environment, `{read}`, and set the variable"
                yield Finding(DEFINITION, key.module.place(key.value), seen, change, reach.endpoint.name, edits=edits)


def _of_flask(reach: Reach) -> Iterator[_Key]:
    """Yield the keys of Flask apps whose settings nothing else may change."""
    if any("flask_session" in name for item in reach.reached for name in item.module.names.values()):
        return
    given = list(_flask_settings(reach))
    names = [name for name, *_ in given]
    loaded = [call for _, _, call in reach.calls if isinstance(call.func, ast.Attribute) and call.func.attr in _LOADERS]
    known = {id(call) for _, _, _, _, call in given if call is not None}
    if any(_is_config(call.func) and id(call) not in known for call in loaded):
        return
    for name, module, site, value, _ in given:
        if site.is_sure and names.count(name) == 1:
            yield from _made(module, value, f"`{name}` of the app", name)


def _is_config(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and ast.unparse(function.value).endswith("config")


def _flask_settings(reach: Reach) -> Iterator[tuple[str, Module, Site, ast.expr, ast.Call | None]]:
    """Yield what Flask's keys are set to, with the call that does it where it is one."""
    for module, site in reach.sites:
        node = site.node
        if isinstance(node, ast.Assign):
            for target in node.targets:
                name = _setting(module, target)
                if name:
                    yield name, module, site, node.value, None
        elif isinstance(node, ast.Call):
            for name, home, value in _given_by(module, node):
                yield name, home, site, value, node


def _given_by(module: Module, call: ast.Call) -> Iterator[tuple[str, Module, ast.expr]]:
    """Yield the keys that a call gives to the settings of a Flask app, and the module where each is written."""
    match call.func:
        case ast.Attribute(value=ast.Attribute(value=app, attr="config"), attr=method) if _is_flask(module, app):
            if method in ("update", "from_mapping") and not call.args:
                for option in call.keywords:
                    if option.arg in _SETTINGS:
                        yield option.arg, module, option.value
            elif method == "from_object" and len(call.args) == 1:
                yield from _of_object(module, call.args[0])


def _setting(module: Module, target: ast.expr) -> str:
    """Return which of Flask's keys an assignment sets, "" for none."""
    match target:
        case ast.Attribute(value=app, attr="secret_key") if _is_flask(module, app):
            return "SECRET_KEY"
        case ast.Subscript(value=ast.Attribute(value=app, attr="config"), slice=ast.Constant(value=str() as name)):
            return name if name in _SETTINGS and _is_flask(module, app) else ""
    return ""


def _is_flask(module: Module, app: ast.expr) -> bool:
    """Tell whether a value is surely a Flask app, or the one in a Dash app."""
    if isinstance(app, ast.Name) and isinstance(bound := module.bound_once.get(app.id), ast.Attribute):
        app = bound
    if isinstance(app, ast.Attribute) and app.attr == "server" and module.maker(app.value) == "dash.Dash":
        return True
    return module.maker(app) in _FLASKS


def _of_object(module: Module, given: ast.expr) -> Iterator[tuple[str, Module, ast.expr]]:
    """Yield the keys of a class that settings are read from, its own before those of its bases."""
    name = given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else module.dotted(given)
    found: set[str] = set()
    while name:
        module, own = module.class_of(name)
        if own is None:
            return
        for statement in own.body:
            if isinstance(statement, ast.Assign):
                for target in statement.targets:
                    if isinstance(target, ast.Name) and target.id in _SETTINGS and target.id not in found:
                        found.add(target.id)
                        yield target.id, module, statement.value
        name = module.dotted(own.bases[0]) if len(own.bases) == 1 else ""


def _of_django(reach: Reach) -> Iterator[_Key]:
    """Yield the key of Django's settings, if they are these and no others after them."""
    settings = [item.module for item in reach.reached if _DJANGO & item.module.constants.keys()]
    for module in settings if len(settings) == 1 else ():
        value = module.constants.get("SECRET_KEY")
        if value is not None and not module.stars:
            yield from _made(module, value, "`SECRET_KEY` of Django's settings", "SECRET_KEY")


def _of_calls(reach: Reach) -> Iterator[_Key]:
    """Yield the keys of what signs cookies and tokens."""
    for module, site, call in reach.calls:
        name = module.dotted(call.func)
        if not site.is_sure:
            continue
        if _is_session(module, call):
            found = keyword(call, "secret_key")
            name = "SessionMiddleware"
        else:
            place = _MAKERS.get(name) or _USERS.get(name)
            found = None if place is None else _argument(call, *place)
        if found is None:
            continue
        home, value = module.value_of(found) if isinstance(found, ast.Name | ast.Attribute) else (module, found)
        in_function = home is module and value is not None and not _is_at_top(home, value)
        if value is None or (name in _USERS and in_function):
            continue
        bound = ast.unparse(found).rpartition(".")[2] if value is not found else ""
        variable = bound if bound.isidentifier() and bound.isupper() else "SECRET_KEY"
        short = name.removeprefix("itsdangerous.") if name in _USERS else name.rpartition(".")[2]
        yield from _made(home, value, f"the key of `{short}`", variable)


def _is_session(module: Module, call: ast.Call) -> bool:
    """Tell whether a call adds Starlette's sessions to an app: by `add_middleware`, or as a `Middleware`."""
    adds = isinstance(call.func, ast.Attribute) and call.func.attr == "add_middleware"
    adds = adds or module.dotted(call.func).endswith("middleware.Middleware")
    return adds and bool(call.args) and module.dotted(call.args[0]) in _SESSIONS


def _argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    given = keyword(call, name)
    plain = 0 <= position < len(call.args) and not any(isinstance(one, ast.Starred) for one in call.args)
    return given if given is not None or not plain else call.args[position]


def _is_at_top(module: Module, value: ast.expr) -> bool:
    """Tell whether an expression is worked out once, when its module is imported."""
    return any(site.node is value and not site.where.function for site in module.sites)


def _made(module: Module, value: ast.expr, use: str, name: str) -> Iterator[_Key]:
    """Yield a key if its value is surely made at random: where a name stands for it, where that is bound."""
    if isinstance(value, ast.Name | ast.Attribute) and not _is_random(module, value):
        module, found = module.value_of(value)
        if found is None:
            return
        value = found
    sites = [site for site in module.sites if site.node is value]
    if _is_random(module, value) and all(site.is_sure for site in sites):
        yield _Key(module, value, use, name)


def _is_random(module: Module, value: ast.expr) -> bool:
    """Tell whether a value comes from chance, and from nothing else that would be the same for all replicas."""
    calls = [node for node in ast.walk(value) if isinstance(node, ast.Call)]
    names = [module.dotted(call.func) for call in calls]
    chosen = any(isinstance(node, ast.BoolOp | ast.IfExp | ast.Await) for node in ast.walk(value))
    forms = [_last(call.func) in _FORMS for call, name in zip(calls, names, strict=True) if name not in _RANDOM]
    return not chosen and any(name in _RANDOM for name in names) and all(forms)


def _last(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


RULE = Rule((DEFINITION,), find)
