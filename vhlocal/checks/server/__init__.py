"""What is found of servers that run, or do not: rules whose evidence is plain values, see ``evidence``."""
