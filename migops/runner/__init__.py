"""Runs Alembic where the truth is: in the service's running container, or in a one-off one of the current image."""
