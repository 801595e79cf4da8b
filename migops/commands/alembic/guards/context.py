"""What a guard goes by: the call, where it will run, the history that Alembic will see there, and the user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from migops.collect import Survey
from migops.commands.alembic.call import AlembicCall
from migops.commands.alembic.visible_migrations import Gap, compare, seen
from migops.commands.alembic.visible_migrations import History as History
from migops.core import text
from migops.core.errors import Aborted
from migops.core.terminal import shell_line
from migops.runner.arguments import Call, redacted
from migops.runner.execution_target import ExecutionTarget


@dataclass(frozen=True, slots=True)
class GuardContext:
    """One guarded call.

    ``running`` are one-off containers of killed runs that go on; ``at_work`` is the name of the container that Alembic
    is to run in where it runs there already, '' elsewhere.
    """

    run: AlembicCall
    call: Call
    survey: Survey
    where: ExecutionTarget
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
        return seen(self.run.target, self.survey, self.where)

    def gap(self, history: History) -> Gap:
        """What the host has otherwise than the place where Alembic runs."""
        return compare(self.run.target, history)

    def confirm(self, question: str) -> None:
        """Go on only after a yes: of --yes, or of the user at the terminal. Raises ``Aborted`` otherwise."""
        run_options = self.run.run_options
        if run_options.yes:
            return
        if run_options.ask is None:
            raise Aborted(
                f"{self.call.verb} needs confirmation, and this is not a terminal; nothing was changed",
                hint=f"to confirm: {self.typed('--yes')}",
            )
        if not run_options.ask(question):
            raise Aborted("not confirmed; nothing was changed")

    def before(self) -> tuple[str, ...]:
        """The words before Alembic's own, as the user has to type them."""
        commands = self.run.target.commands
        return (replace(commands, service="") if self.run.target.picked else commands).alembic()

    def typed(self, *options: str) -> str:
        """The command as it was typed, with more of migops's own options. What -x passes is left out."""
        return shell_line((*self.before(), *options, *redacted(self.run.arguments)))


def listed(ids: Sequence[str]) -> str:
    """Revisions as a sentence has them; "no revision" where there is none."""
    return text.listed(ids, none="no revision")
