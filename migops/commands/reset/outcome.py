"""How a reset ended, in a sentence with an exit code: the new state, or the old one, or what is left to do by hand."""

from __future__ import annotations

from collections.abc import Mapping

from migops.commands.deploy import manual_steps
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.run import SIGNAL, Ends, Outcome
from migops.commands.deploy.step_name import StepName
from migops.commands.reset.reset import Reset, record
from migops.commands.reset_record import back, remaining
from migops.core.errors import ExitCode, Locked, MigopsError, Unavailable
from migops.core.text import listed, plural

_CHANGING = {StepName.STOP, StepName.SCRIPTS, StepName.BUILD, StepName.REPLACE, StepName.SWAP}


def ends(reset: Reset) -> Ends:
    """The words of this reset's ends."""
    return Ends(
        lambda deploy: _done(reset, deploy), lambda deploy, error, trouble: _failed(reset, deploy, error, trouble)
    )


def _done(reset: Reset, deploy: Deploy) -> str:
    inputs, names = reset.inputs, [each.name for each in reset.inputs.deploy.services]
    return (
        f"{inputs.database} is a new database at {reset.revision.revision}, proved against the models; {listed(names)} "
        f"{plural(len(names), 'runs', 'run')} on it"
    )


def _failed(reset: Reset, deploy: Deploy, error: MigopsError, trouble: Mapping[StepName, str]) -> Outcome:
    begun = _CHANGING & {*deploy.record.begun}
    signal = SIGNAL + deploy.stop.came if deploy.stop.came else 0
    if trouble or deploy.record.unrestored or deploy.record.foreign or deploy.record.stopped:
        return _by_hand(reset, deploy, error, trouble)
    if not begun:
        kept = f" (the backup {deploy.record.backup} stays)" if deploy.record.backup else ""
        sentence = f"{error}; nothing was changed: database, scripts and containers are as before{kept}"
        is_own = isinstance(error, Locked) or error.exit_code is ExitCode.USAGE
        code = int(error.exit_code) if is_own else signal or int(ExitCode.ABORTED)
        return Outcome("aborted", code, sentence, _commands(error), error.hint)
    runs = manual_steps.runs(deploy)
    sentence = (
        f"{error}; rolled back: {reset.inputs.database} is the database of before, the old scripts are in place, {runs}"
    )
    return Outcome("failed", signal or int(ExitCode.FAILED), sentence, (), error.hint)


def _by_hand(reset: Reset, deploy: Deploy, error: MigopsError, trouble: Mapping[StepName, str]) -> Outcome:
    noted, source = record(reset.inputs), reset.inputs.source
    sentences = [*trouble.values(), *deploy.record.unrestored]
    if deploy.record.foreign:
        sentences.append(f"someone else has changed {listed(sorted(deploy.record.foreign))} meanwhile")
    if deploy.record.stopped:
        sentences.append(manual_steps.stay_stopped(deploy))
    commands = noted.start
    try:
        left = remaining(noted, deploy.engine, source)
        sentences += left.sentences if left else ()
        commands = left.commands if left else noted.start
    except Unavailable as unknown:
        sentences.append(f"which database has the name {noted.database} is not known: {unknown.message}")
        commands = back(noted, source)
    return Outcome("operator", int(ExitCode.OPERATOR), f"{error}; then {'; '.join(sentences)}", commands, error.hint)


def _commands(error: MigopsError) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(words) for words in getattr(error, "commands", ()))
