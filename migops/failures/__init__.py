"""What Alembic's known failures mean: matched in the end of its output, explained by what the places hold."""

from migops.failures.explain import explain
from migops.failures.known import FAILURES, Failure

__all__ = ["FAILURES", "Failure", "explain"]
