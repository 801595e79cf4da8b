"""``migops log``: past runs, the current holders of the locks, and the release of stale locks."""

from migops.commands.log.look import DatabaseLock, LogResult, RunLog, look, look_on_disk, runs_of
from migops.commands.log.unlock import unlock

__all__ = ["DatabaseLock", "LogResult", "RunLog", "look", "look_on_disk", "runs_of", "unlock"]
