"""Migrations of the database, oldest first in versions/; `make migration MESSAGE="..."` writes one from the tables."""
