"""With nothing pending no migration shows that Alembic still works in the built image: so `alembic current` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.follow import Followed
from migops.commands.deploy.next_steps import typed_again
from migops.commands.failures import explain
from migops.core.errors import Aborted, Failed
from migops.core.redaction import redact
from migops.core.terminal import shell_line
from migops.core.text import listed
from migops.runner.attempt import Attempt

CURRENT = ("current",)


def prove(deploy: Deploy, run: Callable[[Deploy, Sequence[str]], Attempt[Followed]]) -> Mapping[str, Any]:
    """Have Alembic read the version table once, in a container of the built image; nothing is changed by it.

    Raises ``Aborted`` where it fails: the next migration would, and nothing that runs has been touched yet.
    """
    words = shell_line((*deploy.alembic, *CURRENT))
    try:
        attempt = run(deploy, CURRENT)
    except Failed as error:
        raise Aborted(f"`{words}` could not be run in the built image: {error.message}", hint=error.hint) from None
    if attempt.end.code:
        _explain(deploy, attempt)
        raise Aborted(
            f"nothing is pending, but `{words}` fails in the built image with code {attempt.end.code}: "
            f"{_last(attempt)}. With that image, no migration can be applied",
            hint="see above; correct env.py, its configuration or the service's environment, then run this again",
        )
    unseen = [row for row in attempt.rows or () if row not in attempt.end.text]
    if unseen:
        deploy.say.line(
            f"`{words}` does not name {listed(unseen)}, which the database is at: env.py may point Alembic at another "
            "database or schema than the one that migops reads"
        )
    return {"rows": list(attempt.rows or ()), "skipped": "nothing is pending", "proved": list(CURRENT)}


def _explain(deploy: Deploy, attempt: Attempt[Followed]) -> None:
    """The end of what Alembic said, and what migops knows of such a failure."""
    for line in attempt.end.tail:
        deploy.say.line(f"  | {line}")
    target = deploy.inputs.target
    again = typed_again(deploy)
    for line in explain(attempt.end.text, target, deploy.engine, CURRENT, code=attempt.end.code, again=again):
        deploy.say.line(line)


def _last(attempt: Attempt[Followed]) -> str:
    """The last thing that it said, without secrets."""
    said = [line.strip() for line in attempt.end.tail if line.strip()]
    return redact(said[-1]) if said else "no output"
