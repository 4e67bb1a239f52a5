"""A WSGI application that removes the prefix itself, as Valohai's Flask example does (R7)."""

import os
from functools import wraps

from flask_site import app as site


def without_prefix(application):
    @wraps(application)
    def wrapper(environ, start_response):
        known = [environ.get("HTTP_X_VH_PREFIX"), os.environ.get("VH_DEFAULT_PREFIX")]
        for prefix in filter(None, known):
            if environ["PATH_INFO"].startswith(prefix):
                rest = environ["PATH_INFO"][len(prefix) :]
                environ["PATH_INFO"] = "/" + rest.lstrip("/")
                break
        return application(environ, start_response)

    return wrapper


app = without_prefix(site)
