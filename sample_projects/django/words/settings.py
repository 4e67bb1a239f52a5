"""Settings of a site without a database. The path that it is served under is not among them: Gunicorn tells it."""

import os
from pathlib import Path

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "only for running on a machine of your own")
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "words.urls"
WSGI_APPLICATION = "words.wsgi.application"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [Path(__file__).parent / "templates"]}
]
USE_TZ = True
