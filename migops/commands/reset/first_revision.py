"""The first revision: written by Alembic from the models on an empty disposable server, and proved there.

Nothing of the project is changed meanwhile, neither the host's files nor the live database.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from migops import sandbox
from migops.commands.adopt.find import check_observed
from migops.commands.adopt.inputs import AdoptInputs, look
from migops.commands.adopt.noop import is_noop
from migops.commands.adopt.prerequisites import search_path_of
from migops.commands.adopt.steps import MigrationsFailed, Watched, last, output, upgrade, watched
from migops.commands.failures import Data, explain
from migops.commands.reset import ours
from migops.commands.reset.inputs import ResetInputs
from migops.core.errors import Aborted, MigopsError
from migops.core.printed import explain as explain_rule
from migops.core.text import first_few, listed
from migops.database.postgres.catalogue import traces
from migops.database.postgres.schema import Schema
from migops.database.postgres.schema import read as read_schema
from migops.database.postgres.usage import carried
from migops.docker import Engine
from migops.rules import RULES, judge

_UNSEEN = ("MIG506", "MIG507")
"""Rules that say why Alembic sees no models, or not all."""


@dataclass(frozen=True, slots=True)
class FirstRevision:
    """The revision that Alembic wrote."""

    name: str
    """The file's name."""
    revision: str
    content: str
    tables: tuple[str, ...]
    """The tables that it creates, each as ``schema.name``."""
    notes: tuple[str, ...] = ()
    """Remarks on it, a sentence each."""


@dataclass(frozen=True, slots=True)
class Handles:
    """The engine, and the run's: ``tell`` shows the user a line, ``is_stopped`` is true once a signal has come."""

    engine: Engine
    tell: Callable[[str], None]
    is_stopped: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Trial:
    """A disposable server and the application beside it, for Alembic's runs."""

    server: sandbox.Server
    adopted: AdoptInputs
    handles: Handles

    def run(self, arguments: Sequence[str], new: Mapping[str, str]) -> Watched:
        """Run Alembic with the scripts ``new`` alone. Raises ``MigrationsFailed`` if it fails."""
        self.see_that_it_goes_on()
        adopted, words = self.adopted, [*self.adopted.alembic, *arguments]
        ran, observed = watched(self.server, words, python_path=adopted.python_path, new=new, versions=adopted.versions)
        if ran.code:
            raise MigrationsFailed(
                f"`{' '.join(words)}` on an empty database ended with code {ran.code}:\n{last(observed, self.server)}",
                output=output(observed, self.server), code=ran.code, hint="fix what Alembic says, then run this again",
            )  # fmt: skip
        return observed

    def upgrade(self, new: Mapping[str, str]) -> Schema:
        """Apply the scripts ``new`` to an empty database; the schema afterwards."""
        self.see_that_it_goes_on()
        adopted = self.adopted
        self.server.fresh_database()
        steps = upgrade(
            self.server, adopted.alembic, python_path=adopted.python_path, versions=adopted.versions, new=new
        )
        check_observed(self.server, adopted, steps)
        return steps[-1].schema

    def traces(self, timeout: float) -> frozenset[str]:
        """What the server's catalogue lists, but for the version table."""
        table = self.adopted.reached.table.name
        return frozenset(each for each in traces(self.server.url, timeout) if table not in each)

    def see_that_it_goes_on(self) -> None:
        """Raise ``Aborted`` once a signal has come."""
        if self.handles.is_stopped():
            raise Aborted("stopped before the first revision was proved")


def write(inputs: ResetInputs, image: str, message: str, timeout: float, handles: Handles) -> FirstRevision:
    """Have Alembic write the revision in a container of the image with that ID, and prove it.

    ``Aborted`` (nothing was changed) if it cannot be written, is empty, does not run, leaves a difference to the
    models, or has no working downgrade. What Alembic said then is told to the user.
    """
    try:
        return _write(inputs, image, message, timeout, handles)
    except MigrationsFailed as error:
        known = explain(error.output, inputs.target, handles.engine, ("revision",), code=error.code, data=Data.EMPTY)
        first, *rest = error.message.splitlines()
        for line in (*(f"  | {each}" for each in rest), *known):
            handles.tell(line)
        raise Aborted(f"{first.rstrip(':')}, see above", hint=_finding(inputs) or error.hint) from None
    except Aborted:
        raise
    except MigopsError as error:
        raise Aborted(f"the first revision could not be written: {error.message}", hint=error.hint) from None


def _write(inputs: ResetInputs, image: str, message: str, timeout: float, handles: Handles) -> FirstRevision:
    adopted = look(replace(inputs.target, image=image, deployed=False), handles.engine, timeout)
    live = read_schema(adopted.reached.url, timeout=timeout)
    with sandbox.server(handles.engine, adopted.live, adopted.app) as server:
        trial = Trial(server, adopted, handles)
        server.prerequisites = (*carried(inputs.usage, adopted.reached.table.schema), *search_path_of(adopted, live))
        made = trial.run(("revision", "--autogenerate", "-m", message), {}).made
        if made is None or is_noop(made.content.encode()):
            raise Aborted("Alembic found no table in the models: the first revision would be empty", hint=_seen(inputs))
        name = posixpath.basename(made.path)
        new = {name: made.content}
        server.fresh_database()
        before = trial.traces(timeout)
        tables = tuple(_tables(trial.upgrade(new), adopted.reached.table.name))
        _refuse_others(inputs, tables)
        _no_difference(trial, new)
        notes = tuple(_taken_back(trial, new, before, timeout))
    return FirstRevision(name, made.revision, made.content, tables, notes)


def _tables(schema: Schema, version_table: str) -> Iterator[str]:
    for kind, name in schema:
        if kind == "table" and name.rpartition(".")[2].strip('"') != version_table:
            yield name


def _refuse_others(inputs: ResetInputs, tables: Sequence[str]) -> None:
    """Raise ``Aborted`` if the database has tables that neither the models nor the old scripts make."""
    found = ours.others(inputs, tables)
    if found:
        raise Aborted(
            f"{inputs.database} has {_some(found)}, which no model and no script of this project creates: "
            "another application's, or left over",
            hint="if another application uses this database, give that a database of its own; if they are left over "
            "from this project, back them up and drop them, or add their models; then run this again",
        )


def _some(names: Sequence[str], most: int = 5) -> str:
    return listed(names) if len(names) <= most else first_few(names, most)


def _no_difference(trial: Trial, new: Mapping[str, str]) -> None:
    again = trial.run(("revision", "--autogenerate", "-m", "migops proof"), new).made
    if again is not None and not is_noop(again.content.encode()):
        body = [line.strip() for line in again.content.splitlines() if line.strip().startswith(("op.", "with op."))]
        raise Aborted(
            "after the first revision Alembic still finds differences between the models and the database: "
            f"{first_few(body, 3, separator='; ', before_more='; and ')}",
            hint="env.py's comparison (compare_type, compare_server_default, include_object) does not settle; fix it "
            "or the models, then run this again",
        )


def _taken_back(trial: Trial, new: Mapping[str, str], before: frozenset[str], timeout: float) -> Iterator[str]:
    """Downgrade to nothing; a sentence on what that leaves behind."""
    trial.run(("downgrade", "base"), new)
    left = sorted(trial.traces(timeout) - before)
    if left:
        yield f"its downgrade leaves {first_few(left, 3)} behind: add its drop (op.execute) before you commit"


def _seen(inputs: ResetInputs) -> str:
    """Why Alembic sees no models, as far as their text tells."""
    return _finding(inputs) or "env.py must import every module with models, and set target_metadata to their metadata"


def _finding(inputs: ResetInputs) -> str:
    findings, _ = judge([rule for rule in RULES if rule.id in _UNSEEN], inputs.deploy.evidence)
    return f"{findings[0].rule}: {findings[0].message}; {explain_rule(findings[0].rule)}" if findings else ""
