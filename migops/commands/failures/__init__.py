"""Alembic's known failures: recognised at the end of its output, explained from the state of the places."""

from migops.commands.failures.explain import explain
from migops.commands.failures.known import FAILURES, Failure

__all__ = ["FAILURES", "Failure", "explain"]
