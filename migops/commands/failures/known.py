"""The failures that migops knows, in the order in which they are looked for: the most specific first.

To add one, add an entry to the module of its kind and an example to ``tests/failures/texts.py``.
"""

from __future__ import annotations

from migops.commands.failures.alembic_failures import ALEMBIC
from migops.commands.failures.change_failures import CHANGES
from migops.commands.failures.code_failures import CODE
from migops.commands.failures.connection_failures import CONNECTION
from migops.commands.failures.data_failures import DATA
from migops.commands.failures.exists_failures import EXISTS, TABLE_EXISTS
from migops.commands.failures.failure import REPEATED as REPEATED
from migops.commands.failures.failure import Failure as Failure
from migops.commands.failures.failure import Step as Step
from migops.commands.failures.missing_failures import MISSING
from migops.commands.failures.session_failures import SESSION
from migops.commands.failures.setting_failures import SETTING

FAILURES: tuple[Failure, ...] = (
    *ALEMBIC, *EXISTS, TABLE_EXISTS, *CONNECTION, *CHANGES, *MISSING, *SESSION, *DATA, *SETTING, *CODE,
)  # fmt: skip


def named(name: str) -> Failure | None:
    """The failure of this name; None if there is none."""
    return next((failure for failure in FAILURES if failure.name == name), None)
