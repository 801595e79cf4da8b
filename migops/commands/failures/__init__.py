"""Explains known failures of Alembic: matches the end of its output, and finds the cause in the places."""

from migops.commands.failures.explain import explain
from migops.commands.failures.known import FAILURES, Failure

__all__ = ["FAILURES", "Failure", "explain"]
