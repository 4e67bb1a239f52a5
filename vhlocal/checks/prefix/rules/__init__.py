"""The rules about the prefix, one to a file; ``checks/registry`` lists them."""
