"""The same app where it takes a while to load."""

import time

from wsgi_app import app as app

time.sleep(0.3)
