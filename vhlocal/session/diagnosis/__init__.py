"""Why an endpoint does not answer as it should, and what production would say of that."""
