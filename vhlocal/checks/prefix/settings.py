"""How the frameworks that have one prefix of their own are told it: remedies that several findings share.

Each was tried in a real run, under the version and an alias. ``SCRIPT_NAME`` and ``VH_DEFAULT_PREFIX`` are the
version's (P5, P6), so what reads them is right under the version's URL alone, and that is said.
"""

BENTOML = (
    'Tell the service its prefix, `@bentoml.service(path_prefix=os.environ["VH_DEFAULT_PREFIX"].rstrip("/"))`: it is '
    "right under the version's URL alone, and needs a BentoML of 2026 or newer."
)
DASH = (
    "`server = app.server` and `wsgi: server:server`, with "
    '`Dash(__name__, requests_pathname_prefix=os.environ["VH_DEFAULT_PREFIX"], routes_pathname_prefix="/")`, answer '
    "under the version and each alias. Started by `server-command`, "
    '`Dash(__name__, url_base_pathname=os.environ["VH_DEFAULT_PREFIX"])` is right under the version\'s URL alone.'
)
GRADIO = (
    '`app = gradio.mount_gradio_app(FastAPI(), demo, path="/")` and `wsgi: server:app` answer under the version and '
    "each alias. Started by `server-command`, "
    '`demo.launch(root_path=os.environ["VH_DEFAULT_PREFIX"].rstrip("/"), …)` is right under the version\'s URL alone.'
)
LITSERVE = (
    'Give the API its whole path, `LitAPI(api_path=os.environ["VH_DEFAULT_PREFIX"].rstrip("/") + "/predict")`: it is '
    "right under the version's URL alone."
)
STREAMLIT = "Add `--server.baseUrlPath $VH_DEFAULT_PREFIX` to the command: it is right under the version's URL alone."
AIOHTTP = (
    'Have an application of its own lead there: `root.add_subapp(os.environ["VH_DEFAULT_PREFIX"].rstrip("/"), app)` '
    "and `web.run_app(root, …)` are right under the version's URL alone. Routes that begin with "
    "`/{owner}/{project}/{deployment}/{version}/endpoint` answer under the version and each alias."
)
NODE = (
    'const prefix = (request.headers["x-vh-prefix"] ?? process.env.VH_DEFAULT_PREFIX ?? "").replace(/\\/$/, ""); '
    'if (prefix && request.url.startsWith(prefix)) request.url = "/" + request.url.slice(prefix.length + 1);'
)

FALCON = (
    "`falcon.asgi` looks at the whole path, whatever `root_path` says: put an ASGI app around it that takes the prefix "
    'of `X-VH-Prefix` away, `scope = dict(scope, path=scope["path"].removeprefix(prefix) or "/")`. Falcon\'s WSGI apps '
    "need `wsgi: server:app` alone."
)

SANIC = (
    "Sanic looks at the whole path, whatever `root_path` says: put an ASGI app around it that takes the prefix of "
    '`X-VH-Prefix` away, `scope = dict(scope, raw_path=scope["raw_path"].removeprefix(prefix.encode()) or b"/")`, and '
    "write `wsgi: server:app`."
)
TORNADO = (
    "Have each route begin with the five segments of the prefix, "
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
