"""The rows that a run of Alembic found, and what it should do to them: known before it begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from migops.core.model import MigrationSet
from migops.migrations.graph import Graph
from migops.migrations.scripts import COMMITS_BY_ITSELF
from migops.runner.preview import ran, tops

_CONCURRENTLY = re.compile(rb"concurrently|autocommit", re.IGNORECASE)
"""In a script: a statement that waits for old transactions, and leaves an invalid index where it is cut off. It runs
outside of a transaction, so where the project has a helper for it, that block may be all that the script shows."""


@dataclass(frozen=True, slots=True)
class ExpectedRun:
    """One verb of Alembic on one database.

    ``before`` are the rows that it found (None: not known), ``after`` those that it should leave (None: cannot be
    told), ``steps`` the migrations that it should run or undo, in order. ``graph`` and ``migrations`` are those that
    Alembic sees; None where they cannot be read. ``on_host``: the paths of the scripts are paths of this host.
    ``may_run_others``: env.py may lead Alembic to another version table, with other migrations to run.
    """

    before: tuple[str, ...] | None
    after: tuple[str, ...] | None = None
    steps: tuple[str, ...] = ()
    graph: Graph | None = None
    migrations: MigrationSet | None = None
    on_host: bool = False
    may_run_others: bool = False

    @property
    def waits_for_old_transactions(self) -> bool:
        """Whether a migration may have to wait for old transactions, and must not be cut off while it does.

        Where it cannot be told which migrations will run, any of them may; where none can be read, it is not known. So
        it is where nothing is to run: if anything does all the same, it is for another version table.
        """
        is_told = self.after is not None and not self.may_run_others
        if is_told and (self.steps or self.graph is None):
            return bool(self.scripts_with(_CONCURRENTLY, self.steps))
        return self.graph is None or bool(self.scripts_with(_CONCURRENTLY, tuple(self.graph.by_id)))

    def commits_by_itself(self, at: Sequence[str] = ()) -> tuple[str, ...]:
        """The migrations of which a part may stay though no row tells, by their text; of those up to ``at``, if any."""
        last = max((self.steps.index(each) for each in at if each in self.steps), default=len(self.steps) - 1)
        return self.scripts_with(COMMITS_BY_ITSELF, self.steps[: last + 1])

    def scripts_with(self, pattern: re.Pattern[bytes], steps: Sequence[str]) -> tuple[str, ...]:
        """Those of the migrations whose script has a text in it, or cannot be read any more."""
        if self.graph is None or self.migrations is None:
            return ()
        texts = {file.path: file.content for file in self.migrations.scripts.values()}
        paths = {each: self.graph.by_id[each].path for each in steps if each in self.graph.by_id}
        return tuple(
            each for each, path in paths.items()
            if (text := texts.get(path) or self._read(path)) is None or pattern.search(text)
        )  # fmt: skip

    def own_steps(self, output: str, after: tuple[str, ...]) -> int:
        """How many of the migrations it has surely done itself before one failed, where the rows are of just these."""
        if self.graph is None or self.migrations is None:
            return 0
        begun = [to for _, to in ran(output)]
        files = self.migrations.environment.values()
        env_py = next((file.content for file in files if file.name.endswith("env.py")), b"")
        for number in range(1, len(self.steps)):
            applied = self.graph.ancestors(self.before or ()) | set(self.steps[:number])
            if tops(self.graph, applied) == after:
                logged = begun[: number + 1] == list(self.steps[: number + 1])
                return number if logged or b"transaction_per_migration" in env_py else 0
        return 0

    def _read(self, path: str) -> bytes | None:
        """A script whose text was not kept; None where it was taken away meanwhile."""
        try:
            return Path(path).read_bytes() if self.on_host else b""
        except OSError:
            return None
