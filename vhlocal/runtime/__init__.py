"""Where servers run. ``base`` is the page to read before adding a runtime."""
