"""Debug lines for SQL statements: their first words, result and time. Imported only with ``--debug``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.sql import Composable

from migops.core import debug

if TYPE_CHECKING:
    from sqlalchemy import Engine


class Cursor(psycopg.Cursor[Any]):
    """A cursor that writes a debug line for each statement it executes."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Cursor:
        with debug.timed("sql", _first_words(query)):
            super().execute(query, params, **options)
        return self


def _first_words(query: Any) -> str:
    if isinstance(query, Composable):
        query = query.as_string()
    text = query.decode(errors="replace") if isinstance(query, bytes) else str(query)
    return debug.statement(text)


def watch(engine: Engine) -> None:
    """Have every statement that this SQLAlchemy engine executes write a debug line."""
    from sqlalchemy import event

    running: dict[int, debug.Timed] = {}  # by cursor: a statement starts and ends on the same one

    @event.listens_for(engine, "before_cursor_execute")
    def begin(connection: Any, cursor: Any, text: str, *_: Any) -> None:
        running[id(cursor)] = debug.timed("sql", debug.statement(text))

    @event.listens_for(engine, "after_cursor_execute")
    def end(connection: Any, cursor: Any, *_: Any) -> None:
        finish(cursor, "done")

    @event.listens_for(engine, "handle_error")
    def fail(context: Any) -> None:
        finish(
            getattr(context.execution_context, "cursor", None), f"failed ({type(context.original_exception).__name__})"
        )

    def finish(cursor: Any, result: str) -> None:
        if (line := running.pop(id(cursor), None)) is not None:
            line.end(result)
