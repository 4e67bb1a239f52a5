"""What a running endpoint does with its prefix: from its own answers to findings, without asking anything itself."""
