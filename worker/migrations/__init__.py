"""The migrations of the tables, one revision after the other; Alembic runs them."""
