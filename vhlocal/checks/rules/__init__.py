"""The rules, one to a file; ``checks/registry.py`` lists them."""
