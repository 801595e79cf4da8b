"""Releases stale locks: ends the session that holds a database's lock, if its process no longer exists."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from migops.commands.log.look import DatabaseLock, lock_of, session
from migops.core.errors import Aborted, Failed, Locked, Unavailable
from migops.core.model import Unknown
from migops.core.printed import here
from migops.docker import Engine
from migops.state import engine_lock, journal, lock
from migops.state.owner import life_of
from migops.state.process import Life
from migops.target import Target

Reporter = Callable[[str], None]
Ask = Callable[[str], bool]


def unlock(target: Target, engine: Engine, folder: Path, timeout: float, say: Reporter, confirm: Ask) -> None:
    """Show the holders of the locks and release stale ones.

    The host's lock ends with its process, so a held one is only reported. The engine's lock is removed, and the
    session on the server is ended. Raises ``Locked`` with the command that stops the holder if that is a running
    process; ``Aborted`` if not confirmed; ``Failed`` if the server refuses; ``Unavailable`` if the database does not
    answer.
    """
    holder = lock.holder(folder)
    if holder is not None:
        raise Locked(
            f"the host lock is held by a running process: {holder}",
            hint=f"the lock ends with the process; to stop the process: kill -INT {holder.who.pid}",
        )
    say("host lock: not held")
    _unlock_engine(target, engine, folder, say, confirm)
    with session(target, engine, timeout) as opened:
        if isinstance(opened, Unknown):
            raise Unavailable(f"database lock: unknown: {opened.reason}", hint=opened.hint)
        held = lock_of(opened, journal.runs(folder))
        if held.unknown:
            raise Unavailable(f"database lock: unknown: {held.unknown}")
        if held.holder is None:
            say(f"database lock of {held.database}: not held")
            return
        say(f"database lock of {held.database}: held by {held.holder}")
        _refuse_running(held)
        say(_process(held))
        if not confirm("End that session on the server?"):
            raise Aborted("not confirmed; the session was not ended")
        with journal.begin(folder, "log --unlock") as log:
            log.note("terminate", "started", pid=held.holder.pid, session=held.holder.name, database=held.database)
            now = opened.holder()
            if now is None or now.pid != held.holder.pid:
                raise Aborted(f"the session ended by itself in the meantime; lock holder now: {now or 'nobody'}")
            if not opened.terminate(held.holder.pid):
                raise Failed(
                    f"the server refused to end session {held.holder.pid}: this user lacks the permission",
                    hint=f"as a superuser of the database: SELECT pg_terminate_backend({held.holder.pid})",
                )
            log.note("terminate", "done")
    say(f"the session was ended; check the database's state: {here().say('status')}")


def _unlock_engine(target: Target, engine: Engine, folder: Path, say: Reporter, confirm: Ask) -> None:
    """Remove the lock's container, if its owner is not running and the user confirms."""
    held = engine_lock.look(engine, target.project)
    if held is None:
        say("engine lock: not held")
        return
    name, who = engine_lock.name_of(target.project), held.owner.who
    if not held.is_ours:
        raise Locked(
            f"the container {name} does not belong to migops, so it was left alone", hint=f"docker inspect {name}"
        )
    say(f"engine lock ({name}): held by {held.owner}; {life_of(who)}")
    if who.life is Life.LIVES:
        raise Locked(
            f"its process {who.pid} is running on this machine; nothing was released",
            hint=f"the lock is released when the process ends; to stop the process: kill -INT {who.pid}",
        )
    if who.life is Life.UNKNOWN:
        say(
            f"first check that the process has ended (ps -p {who.pid} on {who.host}), and its migration too (docker ps)"
        )
    if not confirm("Release that lock?"):
        raise Aborted("not confirmed; the lock was not released")
    with journal.begin(folder, "log --unlock") as log:
        log.note("release", "started", container=name, id=held.id, owner=held.owner.record())
        now = engine_lock.look(engine, target.project)
        if now is None or now.id != held.id:
            raise Aborted(f"the lock was released in the meantime; holder now: {now.owner if now else 'nobody'}")
        engine_lock.remove(engine, held)
        log.note("release", "done")
    say("the engine lock was released")


def _refuse_running(held: DatabaseLock) -> None:
    if held.is_alive:
        pid, _ = held.process
        raise Locked(
            f"its process {pid} is running on this machine; nothing was ended",
            hint=f"see what it is doing (ps -p {pid}; {here().say('log')}); to stop it: kill -INT {pid}",
        )


def _process(held: DatabaseLock) -> str:
    pid, host = held.process
    if held.is_alive is False:
        return f"its process, {pid} on this machine, is gone"
    if pid:
        return f"its process is {pid} on {host}; whether it is running is unknown here. Check there first (ps -p {pid})"
    return "the session's name does not identify its process"
