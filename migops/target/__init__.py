"""The target of a command: which service, image and Alembic configuration, and how Alembic is called there."""

from migops.target.options import compose_command, named
from migops.target.resolve import resolve
from migops.target.target import BuildSpec, Target, Wanted

__all__ = ["BuildSpec", "Target", "Wanted", "compose_command", "named", "resolve"]
