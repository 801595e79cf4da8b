"""A container's start, followed in the text of its command and scripts: schema changes, calls of Alembic."""
