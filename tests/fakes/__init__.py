"""Stand-ins for what is outside of the code under test, written by hand."""
