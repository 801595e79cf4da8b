"""Refuses a deploy where the database server still works on a migration, be it a past run's or this one's own."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from migops.deploy.deploy import Deploy
from migops.deploy.facts import Facts
from migops.deploy.verdict import ways_on
from migops.errors import NoVerdict
from migops.places.database import Reached
from migops.places.database_psql import psql
from migops.rules.standing import listed
from migops.safety import journal
from migops.safety.session import open_session
from migops.safety.still_running import Command, Sql, past_migrations, refuse_beside, refuse_to_judge
from migops.safety.watch import Watched


def refuse_at_first(folder: Path, facts: Facts, reached: Reached, timeout: float) -> None:
    """Raise ``Operator`` where the server works on a past run's migration, before anything is planned or done."""
    if reached.url.dialect != "postgresql" or not past_migrations(journal.runs(folder)):
        return
    with suppress(NoVerdict), open_session(reached.url, timeout=timeout) as session:  # it is asked again: refuse_before
        refuse_beside(session, folder, _sql(facts, reached))


def refuse_before(deploy: Deploy) -> None:
    """The same once more under the database's lock: the server may not have been there, or asked, at first."""
    if deploy.session is not None and deploy.reached is not None:
        refuse_beside(deploy.session, deploy.folder, _sql(deploy.facts, deploy.reached))


def refuse_after(deploy: Deploy, watched: Watched, code: int) -> None:
    """Raise ``Operator`` where the server goes on with the migration of this run, though its container has ended, or
    where it does not say: then it is not known yet what that will leave."""
    migration = watched.migration(deploy.log.run, "rebuild-and-migrate", code)
    if migration is not None and deploy.reached is not None:
        stands = listed(deploy.after or ()) or "nothing"
        opened = open_session(deploy.reached.url, timeout=deploy.options.timeout)
        refuse_to_judge(opened, migration, _sql(deploy.facts, deploy.reached), stands, ways_on(deploy)[0])


def _sql(facts: Facts, reached: Reached) -> Sql:
    def command(statement: str) -> Command:
        return psql(reached, facts.project, facts.compose.words, statement)

    return command
