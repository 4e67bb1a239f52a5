"""Paths that an app compares the request's with by hand, or gives names to: where it may answer, without routes."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vhlocal.checks.modules import Module, Site
    from vhlocal.checks.reach import Reach

_NODE = re.compile(
    r"\b(?:url|pathname|path)\s*[!=]==?\s*[\"'](?P<compared>/[^\"'\s]+)[\"']"
    r"|\bcase\s+[\"'](?P<case>/[^\"'\s]+)[\"']\s*:"
    r"|\.(?P<method>get|post|put|patch|delete|all|route)\(\s*[\"'](?P<route>/[^\"'\s]+)[\"']\s*,"
)
_TEXT = re.compile(r"([\"'])(/[^\"'\s]*)\1")
_PATH = re.compile(r"/[\w./~-]+")
#: Words that say of a route that it does something. A GET is to do no harm, and not every app holds to that: one that
#: its own ``/shutdown`` ends is not to be ended by a question.
_ACTS = {
    *("abort", "add", "apply", "cancel", "clean", "cleanup", "clear", "close", "commit", "create"),
    *("delete", "deploy", "destroy", "disable", "disconnect", "drop", "enable", "end", "enqueue", "erase"),
    *("exec", "execute", "exit", "expire", "flush", "halt", "increment", "init", "initialize", "insert"),
    *("install", "invalidate", "kill", "load", "lock", "log", "logout", "migrate", "move", "new", "next"),
    *("open", "patch", "pause", "pop", "post", "process", "publish", "purge", "push", "put", "quit"),
    *("reboot", "refresh", "register", "release", "reload", "remove", "rename", "replace", "reset"),
    *("restart", "restore", "resume", "retrain", "revoke", "rotate", "run", "save", "seed", "send", "set"),
    *("shut", "shutdown", "signout", "signup", "sleep", "start", "stop", "store", "submit", "subscribe"),
    *("switch", "sync", "terminate", "toggle", "train", "trigger", "truncate", "uninstall", "unload"),
    *("unlock", "unregister", "unsubscribe", "update", "upload", "wipe", "write"),
}
#: What such words begin with, also where two are written as one (`/resetall`): no noun does.
_ACTS_FIRST = ("delete", "kill", "purge", "reload", "remove", "reset", "restart", "shutdown", "terminate", "wipe")
#: The words that a compared path may be made of. No method says what it is for, so that only those are asked for that
#: model servers, health checks and pages have everywhere.
_LOOKS = {
    *("about", "ai", "alive", "all", "analysis", "analytics", "anomalies", "anomaly", "answer", "answers"),
    *("api", "app", "ask", "asr", "assets", "audio", "autocomplete", "bulk", "by", "calculate", "calculator"),
    *("caption", "captions", "car", "categories", "category", "chat", "chatbot", "check", "churn", "classes"),
    *("classification", "classifications", "classifier", "classify", "cluster", "clustering", "clusters"),
    *("completion", "completions", "compute", "config", "conversation", "convert", "count", "css", "customer"),
    *("customers", "dashboard", "data", "decode", "demo", "density", "depth", "describe", "detail", "details"),
    *("detect", "detection", "detections", "detector", "diabetes", "diagnosis", "digit", "digits", "distance"),
    *("docs", "document", "documents", "echo", "embed", "embedding", "embeddings", "en", "encode", "engine"),
    *("entities", "entity", "estimate", "example", "examples", "explain", "explanation", "explanations"),
    *("extract", "face", "faces", "favicon", "feature", "features", "file", "files", "flower", "flowers"),
    *("for", "forecast", "forecasting", "forecasts", "fraud", "from", "generate", "generation", "generations"),
    *("generator", "get", "health", "healthcheck", "healthz", "heart", "heartbeat", "hello", "help", "hi"),
    *("home", "house", "houses", "housing", "html", "ico", "image", "images", "index", "infer", "inference"),
    *("inferences", "info", "input", "inputs", "intent", "invocation", "invocations", "invoke", "iris", "item"),
    *("items", "js", "json", "keyword", "keywords", "label", "labels", "language", "languages", "list", "live"),
    *("liveness", "livez", "llm", "loan", "lookup", "main", "mask", "me", "metadata", "metrics", "ml", "mnist"),
    *("model", "models", "name", "names", "ner", "news", "object", "objects", "ocr", "openapi", "outlier"),
    *("outliers", "output", "outputs", "page", "pages", "parse", "photo", "photos", "ping", "png", "pose"),
    *("predict", "predicted", "prediction", "predictions", "predictor", "preprocess", "price", "prices"),
    *("proba", "probabilities", "probability", "product", "products", "qa", "query", "question", "questions"),
    *("rag", "rank", "ranking", "rating", "ratings", "readiness", "ready", "readyz", "recognition"),
    *("recognize", "recommend", "recommendation", "recommendations", "redoc", "regression", "regressor"),
    *("report", "rerank", "response", "responses", "result", "results", "risk", "robots", "root", "sample"),
    *("samples", "schema", "schemas", "score", "scores", "scoring", "search", "segment", "segmentation"),
    *("sentence", "sentences", "sentiment", "sequence", "server", "service", "shap", "similar", "similarity"),
    *("single", "spam", "spec", "species", "speech", "state", "static", "stats", "status", "stream", "stt"),
    *("sum", "summarization", "summarize", "summary", "svg", "swagger", "system", "tag", "tags", "task"),
    *("tasks", "template", "templates", "test", "text", "the", "time", "titanic", "to", "tokenize", "tokens"),
    *("topic", "topics", "toxicity", "transcribe", "transcription", "transcriptions", "transform", "translate"),
    *("translation", "translations", "tts", "txt", "ui", "uptime", "user", "users", "value", "values"),
    *("vector", "vectorize", "vectors", "version", "versions", "video", "videos", "vision", "welcome", "wine"),
    *("with", "word", "words", "world"),
}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_VERSION = re.compile(r"v\d+", re.I)
#: Methods of HTTP by which a framework adds a route that takes no GET.
OTHER_METHODS = frozenset({"post", "put", "patch", "delete"})
_ENDS = ("startswith", "endswith")
_TORNADO = {"url", "URLSpec"}
_EXPOSED = "cherrypy.expose"


def compared_in(reach: Reach) -> Iterator[str]:
    """Yield the paths by which the code of an endpoint decides itself, in its order."""
    for _, site in reach.sites:
        yield from filter(looks, _compared(site))


def named_in(reach: Reach) -> Iterator[str]:
    """Yield the paths that Tornado's tuples and CherryPy's functions stand for."""
    for module, site in reach.sites:
        named = filter(_PATH.fullmatch, _named(module, site, reach.framework))
        yield from (path for path in named if not acts(path))


def compared_by_node(lines: Iterable[str]) -> Iterator[str]:
    """Yield the same of a script of Node's."""
    for line in lines:
        for match in _NODE.finditer(line):
            by_hand, route = match["compared"] or match["case"], match["route"] or ""
            if by_hand:
                yield from filter(looks, [by_hand])
            elif _PATH.fullmatch(route) and (match["method"] in OTHER_METHODS or not acts(route)):
                yield route


def texts_of_node(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each path that a script of Node's writes out."""
    for number, line in enumerate(lines, 1):
        yield from ((number, match[2]) for match in _TEXT.finditer(line))


def decides(site: Site) -> bool:
    """Tell whether a text is there to be compared with, and leads nowhere."""
    parent = site.parent
    if isinstance(parent, ast.Call):
        return isinstance(parent.func, ast.Attribute) and parent.func.attr in _ENDS
    return isinstance(parent, ast.Compare | ast.Tuple | ast.List | ast.Set | ast.MatchValue)


@lru_cache(maxsize=1024)  # asked of each request
def acts(route: str) -> bool:
    """Tell whether a GET of a route may do something, by the words of its path."""
    return any(word in _ACTS or word.startswith(_ACTS_FIRST) for word in _words(route))


def looks(path: str) -> bool:
    """Tell whether a path is made of words alone of which a GET does nothing, whatever else its app takes there."""
    return _PATH.fullmatch(path) is not None and _LOOKS.issuperset(_words(_VERSION.sub("", path)))


def _words(path: str) -> Iterator[str]:
    return map(str.lower, _WORD.findall(path))


def _compared(site: Site) -> Iterator[str]:
    match site.node:
        case ast.Compare(left=left, comparators=comparators):
            for node in (left, *comparators):
                yield from _texts(node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node])
        case ast.MatchValue(value=value):
            yield from _texts([value])
        case ast.Dict(keys=keys):
            yield from _texts(keys)
        case ast.Call(func=ast.Attribute(attr=name), args=[first, *_]) if name in _ENDS:
            yield from _texts([first])


def _named(module: Module, site: Site, framework: str) -> Iterator[str]:
    match site.node:
        case ast.Call(func=ast.Attribute(attr=name), args=[first, _, *_]) if name in _TORNADO:
            yield from map(_unescaped, _texts([first]))
        case ast.Tuple(elts=[first, ast.Name() | ast.Attribute(), *_]) if framework == "Tornado":
            yield from map(_unescaped, _texts([first]))
        case ast.FunctionDef(name=name, decorator_list=decorators) if name not in ("index", "default"):
            if any(module.dotted(one) == _EXPOSED for one in decorators):
                yield f"/{name}"


def _texts(nodes: Iterable[ast.expr | None]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _unescaped(pattern: str) -> str:
    """Return the path that a plain pattern stands for: nothing that may be asked for where it is not plain."""
    return pattern.removeprefix("^").removesuffix("$").removesuffix("/?")
