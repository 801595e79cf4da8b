"""What a guard goes by: the call, where it will run, the history that Alembic will see there, and the user."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace

from migops import survey
from migops.errors import Aborted
from migops.formats.terminal import quoted
from migops.history.graph import Graph
from migops.model import MigrationSet, PlaceName
from migops.places.container_files import at_or_below
from migops.places.environment import Environment
from migops.rules import standing
from migops.runner.run import Run
from migops.runner.verbs import Call, redacted
from migops.runner.where import Where
from migops.survey import Survey


@dataclass(frozen=True, slots=True)
class History:
    """The migrations that Alembic will see, and in words whose they are."""

    graph: Graph
    held: MigrationSet
    place: str


@dataclass(frozen=True, slots=True)
class Scene:
    """One guarded call.

    ``running`` are one-off containers of killed runs that go on; ``at_work`` is the name of the container that Alembic
    is to run in where it runs there already, '' elsewhere.
    """

    run: Run
    call: Call
    survey: Survey
    where: Where
    running: tuple[str, ...] = ()
    at_work: str = ""

    @property
    def command(self) -> str:
        """The command as the journal and the lock name it: without its arguments."""
        return f"alembic {self.call.verb}"

    @property
    def may_lead_elsewhere(self) -> bool:
        """Whether -x may have env.py go to another database or schema than the one that is looked at: it reads -x."""
        held = self.where.held
        texts = [file.content for file in held.environment.values() if file.path.endswith("env.py")] if held else []
        return "-x" in self.call.options and any(b"get_x_argument" in text for text in texts)

    def say(self, line: str) -> None:
        """Tell the user a line."""
        self.run.say(line)

    def history(self) -> History | None:
        """What Alembic will see where it runs; None where that cannot be told before."""
        container = self.where.container
        if container is not None:
            return _of(container.found, container.name) if isinstance(container.found, Environment) else None
        held, graph = self.where.held, self.survey.graphs.get(PlaceName.IMAGE)
        if held is None or graph is None:
            return None
        covers = self._covers(held)
        if not any(covers):
            return History(graph, held, "the image")
        host = survey.host(self.run.target)
        bound = [_below(cover, folder) for cover, folder in zip(covers, held.location, strict=True)]
        if sorted(bound) == sorted(host.migrations.location):
            return _of(host, "the host's folder")
        return None

    def _covers(self, held: MigrationSet) -> list[tuple[str, str]]:
        """For each versions folder the source and target of the bind mount that a one-off has over it.

        ('', '') where the image shows, ('?', …) where a volume of another kind lies over it.
        """
        model = self.run.target.model
        service = model.services[self.run.target.service] if model else None
        found = []
        for folder in held.location:
            over = [each for each in service.volumes if at_or_below(folder, each.target)] if service else []
            mount = max(over, key=lambda each: len(each.target), default=None)
            source = "" if mount is None else str(mount.source) if mount.type == "bind" else "?"
            found.append((source, mount.target) if mount else ("", ""))
        return found if any(source for source, _ in found) else []

    def confirm(self, question: str) -> None:
        """Go on only after a yes: of --yes, or of the user at the terminal. Raises ``Aborted`` otherwise."""
        wishes = self.run.wishes
        if wishes.yes:
            return
        if wishes.ask is None:
            raise Aborted(
                f"{self.call.verb} wants a yes, and there is no terminal to ask on; nothing was changed",
                hint=f"if that is what you want: {self.typed('--yes')}",
            )
        if not wishes.ask(question):
            raise Aborted("not confirmed; nothing was changed")

    def before(self) -> tuple[str, ...]:
        """The words before Alembic's own, as the user has to type them."""
        commands = self.run.target.commands
        return (replace(commands, service="") if self.run.target.picked else commands).alembic()

    def typed(self, *options: str) -> str:
        """The command as it was typed, with more of migops's own options. What -x passes is left out."""
        return " ".join(quoted(word) for word in (*self.before(), *options, *redacted(self.run.arguments)))


def _of(found: Environment, place: str) -> History:
    return History(found.graph, found.migrations, place)


def _below(cover: tuple[str, str], folder: str) -> str:
    """Where on the host a folder of the container lies, under a bind mount."""
    source, target = cover
    return posixpath.normpath(posixpath.join(source, posixpath.relpath(folder, target)))


def listed(ids: Sequence[str]) -> str:
    """Revisions as a sentence has them; "no revision" where there is none."""
    return standing.listed(ids) or "no revision"
