"""The database behind one port: SQLite or PostgreSQL, the same plain functions on both."""
