"""``migops log``: what runs of migops did, who holds the locks now, and how a lock that nobody needs any more ends."""

from migops.commands.log.look import DatabaseLock, LogResult, RunLog, look, run_of
from migops.commands.log.unlock import unlock

__all__ = ["DatabaseLock", "LogResult", "RunLog", "look", "run_of", "unlock"]
