"""What Alembic's known failures mean: matched in the end of its output, explained by what the places hold."""

from migops.commands.failures.explain import explain
from migops.commands.failures.known import FAILURES, Failure

__all__ = ["FAILURES", "Failure", "explain"]
