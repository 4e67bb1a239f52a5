"""The control plane: the JSON API, the run's page, and the pages that stand in for an endpoint's answer."""
