"""What a person can ask a ready endpoint."""
