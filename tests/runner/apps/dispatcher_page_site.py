"""The page's own form: the application is its own default, and mounted at ``SCRIPT_NAME`` (R7)."""

import os

from flask_site import app
from werkzeug.middleware.dispatcher import DispatcherMiddleware

app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {os.environ["SCRIPT_NAME"]: app.wsgi_app})
