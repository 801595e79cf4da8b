"""Runs as ``sitecustomize`` in the container in which Alembic migrates, and has ``inside`` see what it does.

Nothing of SQLAlchemy's, Alembic's or a driver's files is changed. What goes past SQLAlchemy (a driver's connection of
the migration's own, a cursor of the raw connection, another program) is noted as unseen. A ``sitecustomize`` that the
image has of its own is run afterwards. Standard library alone, and kept to what old Pythons read.
"""

import binascii
import importlib.machinery
import importlib.util
import os
import sys
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - no import that costs time
OURS = ("sqlalchemy", "alembic", "migops_importing", "migops_inside", "migops_reading", __name__)
HARMLESS = (
    "uname", "ldconfig", "gcc", "cc", "ld", "objdump", "git", "ifconfig", "ip", "arp", "hostname", "stty", "file",
)  # fmt: skip
"""Programs that Python's library starts by itself, or that tell a version: they speak to no database."""


def is_ours(depth: int = 2) -> bool:
    """Whether SQLAlchemy itself is the caller."""
    try:
        return str(sys._getframe(depth).f_globals.get("__name__", "")).startswith(OURS)
    except ValueError:  # nobody's: the very beginning of a thread
        return False


def raw(what: str) -> None:
    """The migration takes the driver's connection itself."""
    if not inside.state["raw"]:
        inside.state["raw"] = True
        inside.unseen(what)


def sqlalchemy(module: Any) -> None:
    """Every engine's events, every connection of a pool, and what is done to it from elsewhere."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine
    from sqlalchemy.pool import Pool
    from sqlalchemy.pool.base import _ConnectionFairy as Fairy

    def pooled(*_: Any) -> None:
        inside.tell(pooled=1)

    cursor, attribute = Fairy.cursor, Fairy.__getattr__

    def changed_cursor(self: Any, *words: Any, **options: Any) -> Any:
        if not is_ours():
            raw("a cursor of the driver's own")
        return cursor(self, *words, **options)

    def changed_attribute(self: Any, name: str) -> Any:
        if not is_ours():
            raw("the driver's own connection")
        return attribute(self, name)

    for name, changed in (("cursor", changed_cursor), ("__getattr__", changed_attribute)):
        setattr(Fairy, name, changed)
    for name in ("commit", "driver_connection", "dbapi_connection", "connection"):
        guard(Fairy, name)
    event.listen(Pool, "connect", pooled)
    inside.watch(Engine, event)
    inside.tell(watched=str(module.__version__))


def guard(fairy: Any, name: str) -> None:
    """Note it where somebody else than SQLAlchemy asks a connection of the pool for this."""
    for each in fairy.__mro__:
        member = each.__dict__.get(name)
        if member is not None:
            break
    else:
        return

    def get(self: Any) -> Any:
        if not is_ours():
            raw("the driver's own connection")
        return member.__get__(self, type(self))

    def put(self: Any, value: Any) -> None:
        member.__set__(self, value)

    setattr(fairy, name, property(get, put) if hasattr(member, "__set__") else property(get))


def alembic(module: Any) -> None:
    """Which version table there is, and which revision is at work."""
    original = module.MigrationContext.__init__

    def changed(self: Any, *words: Any, **options: Any) -> None:
        original(self, *words, **options)
        inside.tables.add(str(getattr(self, "version_table", "") or "alembic_version"))
        steps = self._migrations_fn
        if steps is None or self.as_sql:
            return

        def told(heads: Any, context: Any) -> Any:
            for step in steps(heads, context):
                inside.state["step"] = name_of(step)
                inside.tell(at=inside.state["step"])
                yield step
            inside.state["step"] = ""

        self._migrations_fn = told

    module.MigrationContext.__init__ = changed
    inside.tell(alembic=1)


def name_of(step: Any) -> str:
    """The revision of a step; '' of a stamp's."""
    return str(getattr(getattr(step, "revision", None), "revision", ""))


def opened(name: str) -> None:
    """A driver has connected: where no pool of SQLAlchemy's tells of it as well, it is the migration's own."""
    inside.tell(opened=name)


def psycopg2(module: Any) -> None:
    """Every connection goes through one function."""
    connect = module.connect

    def changed(*words: Any, **options: Any) -> Any:
        found = connect(*words, **options)
        opened("psycopg2")
        return found

    module.connect = changed


def psycopg(module: Any) -> None:
    """The two classes of connections."""
    one, other = module.Connection.connect.__func__, module.AsyncConnection.connect.__func__

    def changed(cls: Any, *words: Any, **options: Any) -> Any:
        found = one(cls, *words, **options)
        opened("psycopg")
        return found

    async def changed_too(cls: Any, *words: Any, **options: Any) -> Any:
        found = await other(cls, *words, **options)
        opened("psycopg")
        return found

    module.Connection.connect = classmethod(changed)
    module.AsyncConnection.connect = classmethod(changed_too)
    module.connect = module.Connection.connect


def asyncpg(module: Any) -> None:
    """What all its ways to connect, the pool's too, go through."""
    connect = module._connect

    async def changed(*words: Any, **options: Any) -> Any:
        found = await connect(*words, **options)
        opened("asyncpg")
        return found

    module._connect = changed


def pg8000(module: Any) -> None:
    """Its connection's own beginning."""
    begin = module.CoreConnection.__init__

    def changed(self: Any, *words: Any, **options: Any) -> None:
        begin(self, *words, **options)
        opened("pg8000")

    module.CoreConnection.__init__ = changed


WATCHED = {
    "sqlalchemy": sqlalchemy, "alembic.runtime.migration": alembic, "psycopg": psycopg, "psycopg2": psycopg2,
    "asyncpg.connect_utils": asyncpg, "pg8000.core": pg8000,
}  # fmt: skip


def heard(event: str, arguments: Any) -> None:
    """Python's own notice of what happens: another program is started; one that is a Python tells of itself."""
    if event == "os.system":  # a shell's line: what it starts is not told
        inside.tell(program="sh", by=os.getpid())
    elif event in ("subprocess.Popen", "os.posix_spawn", "os.exec"):
        name = os.path.basename(os.fsdecode(arguments[0] or ""))  # noqa: PTH119
        if name not in HARMLESS:
            inside.tell(program=name, by=os.getpid(), words=sum_of(arguments[1][1:]))


def sum_of(words: Any) -> int:
    """A number for the words of a command, by which they are known again and not told."""
    return binascii.crc32(b"\0".join(map(os.fsencode, words)))


def myself() -> Any:
    """The process of this Python, and as what it may have been started: a script with a #! is Python's first word."""
    with open("/proc/self/cmdline", "rb") as file:  # noqa: PTH123
        words = file.read().split(b"\0")[:-1]
    both = ((os.path.basename(os.fsdecode(word)), sum_of(words[at + 1 :])) for at, word in enumerate(words[:2]))  # noqa: PTH119
    return {"begun": os.getpid(), "parent": os.getppid(), "as": [list(each) for each in both]}


def hand_on() -> None:
    """Run the ``sitecustomize`` that would have been found without ours."""
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder or ".") != HERE]  # noqa: PTH100
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize")
    if spec is not None and spec.loader is not None:
        sys.modules["sitecustomize"] = found = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)


try:
    import migops_importing as importing  # type: ignore[import-not-found]  # their names in the container
    import migops_inside as inside  # type: ignore[import-not-found]

    inside.state["fd"] = os.open(os.path.join(HERE, "record"), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)  # noqa: PTH118
    inside.tell(**myself())
    importing.after_import({name: inside.harmless(change) for name, change in WATCHED.items()})
    if hasattr(sys, "addaudithook"):
        sys.addaudithook(inside.harmless(heard))
    else:
        inside.unseen("a Python that does not tell which programs it starts")
except Exception:  # noqa: BLE001, S110 - the migration goes on without a trace, which is then missing
    pass
hand_on()
