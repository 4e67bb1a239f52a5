"""The servers that treat a prefix in a way of their own."""

#: They take no prefix away by themselves (R6); as programs, and as their answers name them.
ASGI_SERVERS = ("uvicorn", "hypercorn", "daphne", "fastapi", "litestar", "quart")
GUNICORN = "gunicorn"
