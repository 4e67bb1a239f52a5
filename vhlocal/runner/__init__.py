"""What travels into the container of a ``wsgi:`` endpoint.

Nothing of vhlocal imports it, and it imports nothing of ours. The files are copied flat and run by the image's own
Python, 3.6 or newer, so they use the standard library and Gunicorn only. Their common name keeps them clear of the
user's own modules.
"""
