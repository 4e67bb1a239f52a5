"""A run of vhlocal: what is to be, what is there, and the way from one to the other."""
