"""Alembic's known failures: recognised at the end of its output, explained from the state of the places."""

from migops.commands.failures.explain import explain
from migops.commands.failures.inputs import Data
from migops.commands.failures.known import FAILURES, Failure, named

__all__ = ["FAILURES", "Data", "Failure", "explain", "named"]
