"""Ends the session that holds a database's lock, if its process is gone."""

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
    """Show who has the locks, and end what nobody needs any more.

    The host's lock goes with its process, so a live one is only named. The engine's is released, and the session on the
    server ended. Raises ``Locked`` with the command that ends it where the holder is a process of this machine that
    lives; ``Aborted`` without a yes; ``Unavailable`` where the database cannot be asked.
    """
    holder = lock.holder(folder)
    if holder is not None:
        raise Locked(
            f"the host lock is held by a running process: {holder}",
            hint=f"the lock ends with the process; to stop the process: kill -INT {holder.who.pid}",
        )
    say("host lock: not held")
    _unlock_engine(target, engine, folder, say, confirm)
    with session(target, engine, timeout) as found:
        if isinstance(found, Unknown):
            raise Unavailable(f"database lock: unknown: {found.reason}", hint=found.hint)
        held = lock_of(found, journal.runs(folder))
        if held.unknown:
            raise Unavailable(f"database lock: unknown: {held.unknown}")
        if held.holder is None:
            say(f"database lock of {held.database}: not held")
            return
        say(f"database lock of {held.database}: held by {held.holder}")
        _stop_where_it_lives(held)
        say(_whose(held))
        if not confirm("End that session on the server?"):
            raise Aborted("not confirmed; the session was not ended")
        with journal.begin(folder, "log --unlock") as log:
            log.note("terminate", "started", pid=held.holder.pid, session=held.holder.name, database=held.database)
            now = found.holder()
            if now is None or now.pid != held.holder.pid:
                raise Aborted(f"the session ended by itself in the meantime; lock holder now: {now or 'nobody'}")
            if not found.terminate(held.holder.pid):
                raise Failed(
                    f"the server did not end session {held.holder.pid}: this user lacks the permission",
                    hint=f"as a superuser of the database: SELECT pg_terminate_backend({held.holder.pid})",
                )
            log.note("terminate", "done")
    say(f"the session was ended; check the database's state: {here().say('status')}")


def _unlock_engine(target: Target, engine: Engine, folder: Path, say: Reporter, confirm: Ask) -> None:
    """Remove the lock's container, if its owner is gone and the user has checked that nothing is still running."""
    found = engine_lock.look(engine, target.project)
    if found is None:
        say("engine lock: not held")
        return
    name, who = engine_lock.name_of(target.project), found.owner.who
    if not found.is_ours:
        raise Locked(
            f"the container {name} does not belong to migops, so it was left alone", hint=f"docker inspect {name}"
        )
    say(f"engine lock ({name}): held by {found.owner}; {life_of(who)}")
    if who.life is Life.LIVES:
        raise Locked(
            f"its process is running on this machine: {who.pid}; nothing was released",
            hint=f"the lock is released when the process ends; to stop the process: kill -INT {who.pid}",
        )
    if who.life is Life.UNKNOWN:
        say(f"first check there (ps -p {who.pid} on {who.host}), and that its migration has ended: docker ps")
    if not confirm("Release that lock?"):
        raise Aborted("not confirmed; the lock was not released")
    with journal.begin(folder, "log --unlock") as log:
        log.note("release", "started", container=name, id=found.id, owner=found.owner.record())
        now = engine_lock.look(engine, target.project)
        if now is None or now.id != found.id:
            raise Aborted(f"the lock was released in the meantime; holder now: {now.owner if now else 'nobody'}")
        engine_lock.remove(engine, found)
        log.note("release", "done")
    say("the lock was released")


def _stop_where_it_lives(held: DatabaseLock) -> None:
    if held.is_alive:
        pid, _ = held.process
        raise Locked(
            f"its process is running on this machine: {pid}; nothing was ended",
            hint=f"check what it does (ps -p {pid}; {here().say('log')}), and stop it with: kill -INT {pid}",
        )


def _whose(held: DatabaseLock) -> str:
    pid, host = held.process
    if held.is_alive is False:
        return f"its process, {pid} on this machine, is gone"
    if pid:
        return f"its process is {pid} on {host}; whether it is running is unknown here. Check there first (ps -p {pid})"
    return "the session's name does not identify its process"
