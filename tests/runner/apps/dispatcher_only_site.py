"""A dispatcher that knows the application under ``SCRIPT_NAME`` and answers 404 elsewhere (R7)."""

import os

from flask_site import app as site
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

application = DispatcherMiddleware(NotFound(), {os.environ["SCRIPT_NAME"]: site})
