"""The host's side of warm servers: the runner's protocol, and what is known by it."""
