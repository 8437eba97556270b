"""teller beside PostgreSQL and Redis."""
