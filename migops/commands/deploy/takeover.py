"""The engine's lock, where a deploy has lost it: taken again before anything is undone, or everything is left alone."""

from __future__ import annotations

from migops.commands.deploy import images
from migops.commands.deploy.deploy import Deploy
from migops.core.errors import Locked, Unavailable
from migops.core.text import listed
from migops.state.engine_lock import EngineLock, LockLost


def regain(deploy: Deploy) -> str:
    """Take the lock again, to undo under it; why this run must not undo anything any more, '' where it may.

    Another run may have come and gone meanwhile. Then a name means another image than this run has left it to mean.
    """
    if deploy.lock is None:
        return ""
    try:
        deploy.lock.check()
    except LockLost:
        deploy.say.line("the lock on the engine is lost: it is taken again before anything is undone")
        return _taken_again(deploy, deploy.lock)
    except Unavailable:  # the engine does not answer: each undo finds that out, and says so
        return ""
    return ""


def _taken_again(deploy: Deploy, lock: EngineLock) -> str:
    try:
        lock.take()
        changed = [ref for ref, image in deploy.record.left.items() if images.meaning(deploy, ref) != image]
    except Locked as error:
        return error.message
    except Unavailable:  # as above
        return ""
    return f"someone else has changed {listed(changed)} meanwhile" if changed else ""
