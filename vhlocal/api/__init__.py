"""The control plane: the JSON API, the status page, and the pages that stand in for an endpoint's answer."""
