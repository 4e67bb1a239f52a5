"""How to set the prefix of frameworks that have only one: remedies that several findings share.

Each was tried in a real run, under the version and an alias. ``SCRIPT_NAME`` and ``VH_DEFAULT_PREFIX`` are the
version's (P5, P6), so what reads them works only under the version's URL, and the remedies say so.
"""

BENTOML = (
    'Tell the service its prefix, `@bentoml.service(path_prefix=os.environ["VH_DEFAULT_PREFIX"].rstrip("/"))`: this '
    "works under the version's URL only, and needs a BentoML of 2026 or newer."
)
DASH = (
    "`server = app.server` and `wsgi: server:server`, with "
    '`Dash(__name__, requests_pathname_prefix=os.environ["VH_DEFAULT_PREFIX"], routes_pathname_prefix="/")`, answer '
    "under the version and each alias. Started by `server-command`, "
    '`Dash(__name__, url_base_pathname=os.environ["VH_DEFAULT_PREFIX"])` works under the version\'s URL only.'
)
GRADIO = (
    '`app = gradio.mount_gradio_app(FastAPI(), demo, path="/")` and `wsgi: server:app` answer under the version and '
    "each alias. Started by `server-command`, "
    '`demo.launch(root_path=os.environ["VH_DEFAULT_PREFIX"].rstrip("/"), …)` works under the version\'s URL only.'
)
LITSERVE = (
    'Give the API its whole path, `LitAPI(api_path=os.environ["VH_DEFAULT_PREFIX"].rstrip("/") + "/predict")`: this '
    "works under the version's URL only."
)
STREAMLIT = "Add `--server.baseUrlPath $VH_DEFAULT_PREFIX` to the command: this works under the version's URL only."
AIOHTTP = (
    'Add the app to another application: `root.add_subapp(os.environ["VH_DEFAULT_PREFIX"].rstrip("/"), app)` '
    "and `web.run_app(root, …)` work under the version's URL only. Routes that begin with "
    "`/{owner}/{project}/{deployment}/{version}/endpoint` answer under the version and each alias."
)
NODE = (
    'const prefix = (request.headers["x-vh-prefix"] ?? process.env.VH_DEFAULT_PREFIX ?? "").replace(/\\/$/, ""); '
    'if (prefix && request.url.startsWith(prefix)) request.url = "/" + request.url.slice(prefix.length + 1);'
)

FALCON = (
    "`falcon.asgi` reads the whole path, whatever `root_path` says: wrap it in an ASGI app that removes the prefix in "
    '`X-VH-Prefix`, `scope = dict(scope, path=scope["path"].removeprefix(prefix) or "/")`. Falcon\'s WSGI apps '
    "only need `wsgi: server:app`."
)

SANIC = (
    "Sanic reads the whole path, whatever `root_path` says: wrap it in an ASGI app that removes the prefix in "
    '`X-VH-Prefix`, `scope = dict(scope, raw_path=scope["raw_path"].removeprefix(prefix.encode()) or b"/")`, and '
    "write `wsgi: server:app`."
)
TORNADO = (
    "Begin each route with the five segments of the prefix, "
    '`(r"(?:/[^/]+){5}/predict", Predict)`: it answers under the version and each alias.'
)

#: The remedies of those that cannot be served in another way.
OWN_WAYS = {
    "BentoML": BENTOML,
    "Dash": DASH,
    "Gradio": GRADIO,
    "LitServe": LITSERVE,
    "Streamlit": STREAMLIT,
    "aiohttp": AIOHTTP,
}
