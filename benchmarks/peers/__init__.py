"""The servers that a benchmark starts: nginx as upstream and as proxy, werkzeug's ``ProxyMiddleware``, the gateway."""
