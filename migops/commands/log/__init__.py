"""``migops log``: past runs, current lock holders, and releasing a lock that is no longer needed."""

from migops.commands.log.look import DatabaseLock, RunLog, look, run_of
from migops.commands.log.unlock import unlock

__all__ = ["DatabaseLock", "RunLog", "look", "run_of", "unlock"]
