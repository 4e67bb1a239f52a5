"""How many replicas an endpoint wants: published rules, pure (K3)."""
