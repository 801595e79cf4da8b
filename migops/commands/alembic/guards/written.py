"""What a revision that was just written does: what it destroys, and that it is empty."""

from __future__ import annotations

import ast
import posixpath

from migops.collect.env_code import models_on_host
from migops.commands.alembic.guards.context import GuardContext
from migops.core.model import MigrationFile, MigrationSet, Unknown
from migops.migrations.env_script import parsed
from migops.migrations.operations import operations


def say(context: GuardContext, before: MigrationSet, after: MigrationSet) -> None:
    """Tell of each new script what its author should know before it is applied."""
    for name in sorted(after.scripts.keys() - before.scripts.keys()):
        script = after.scripts[name]
        text = script.content.decode("utf-8", "replace")
        if lost := operations(text).destroyed:
            context.say(
                f"WARNING: {posixpath.basename(script.path)} destroys {', '.join(lost)}, and the data in it. Read it "
                "before it is applied; if that is not intended, check that env.py imports all models, and delete the "
                "file"
            )
        if context.call.autogenerates and is_empty(text):
            context.say(_empty(context, script))
    if context.call.autogenerates and after.scripts.keys() == before.scripts.keys():
        context.say("no new file was copied to the host")


def is_empty(text: str) -> bool:
    """Whether the script's ``upgrade`` does nothing at all."""
    bodies = [node.body for node in parsed(text).body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"]
    idle = (ast.Pass, ast.Expr)
    return bool(bodies) and all(
        isinstance(node, idle) and not (isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant))
        for node in bodies[0]
    )


def _empty(context: GuardContext, script: MigrationFile) -> str:
    models = models_on_host(context.run.target)
    name = posixpath.basename(script.path)
    lead = f"the new revision is empty ({name})"
    if models is not None and isinstance(models.unimported, tuple) and not models.unimported:
        return f"{lead}: models and database agree; delete the file if no change was intended"
    left = models.unimported if models else ()
    why = left.reason if isinstance(left, Unknown) else "env.py does not import all of them" if left else ""
    return (
        f"{lead}: Alembic found no difference between the database and the models that it was given. Whether these are "
        f"all models is not known{f': {why}' if why else ''}; delete the file if no change was intended"
    )
