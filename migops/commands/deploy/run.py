"""Carries out a plan: step by step, journalled, and walked back as far as is safe where one fails."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from migops.commands.deploy import manual_steps, takeover
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.next_steps import next_steps, next_steps_hint
from migops.commands.deploy.step import Plan, Step
from migops.commands.deploy.step_name import StepName
from migops.core import progress
from migops.core.errors import Aborted, ExitCode, Failed, Locked, ManualActionRequired, MigopsError
from migops.core.redaction import redact
from migops.core.text import listed, plural

SIGNAL = 128
PROOFS = (StepName.IMAGE, StepName.REVISION, StepName.CONTAINERS)
"""Steps that only look: they change nothing, so that a lock which is lost meanwhile spoils nothing of them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a deploy ended: ``word`` is done, aborted, failed or operator; ``sentence`` says which state is left."""

    word: str
    code: int
    sentence: str
    commands: tuple[tuple[str, ...], ...] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Ends:
    """How a command words its ends: ``done`` in a sentence; ``failed`` from the error that ended it, once undone,
    and the sentences on what could not be undone, by step."""

    done: Callable[[Deploy], str]
    failed: Callable[[Deploy, MigopsError, Mapping[StepName, str]], Outcome]


def run(plan: Plan, deploy: Deploy, ends: Ends | None = None) -> Outcome:
    """Carry the plan out. Whatever happens, the outcome says whether the old or the new state is there.

    ``ends``: those of a deploy by default.
    """
    ends = ends or Ends(_done, _outcome)
    for number, step in enumerate(plan.steps, 1):
        if deploy.stop.came and not committed(deploy, plan):
            return _walk_back(plan, deploy, Aborted(f"stopped by {deploy.stop.name}"), ends)
        try:
            _carry_out(number, len(plan.steps), step, deploy)
        except MigopsError as error:
            return _walk_back(plan, deploy, error, ends)
        except Exception as error:  # noqa: BLE001 - not even a bug of ours may leave half a state
            return _after_a_bug(plan, deploy, error, ends)
    code = SIGNAL + deploy.stop.came if deploy.stop.came else int(ExitCode.CLEAN)
    late = f" ({deploy.stop.name} came too late to roll back, so the deploy was completed)"
    return Outcome("done", code, f"{ends.done(deploy)}{late if deploy.stop.came else ''}")


def _done(deploy: Deploy) -> str:
    names = listed([each.name for each in deploy.inputs.services])
    run_or_runs = plural(len(deploy.inputs.services), "runs", "run")
    rows = listed(deploy.record.after or (), "no revision")
    return f"{names} {run_or_runs} the new image; the database is at {rows}"


def committed(deploy: Deploy, plan: Plan) -> bool:
    """Whether a step was begun after which the way on is the shorter one."""
    return any(step.point_of_no_return and step.name in deploy.record.begun for step in plan.steps)


def _carry_out(number: int, of: int, step: Step, deploy: Deploy) -> None:
    if step.name not in PROOFS:
        deploy.check_engine()
    deploy.log.note(step.name, "started", commands=[list(words) for words in step.commands])
    deploy.record.begun.append(step.name)
    deploy.say.begin(number, of, step.name)
    began = time.monotonic()
    try:
        with progress.step(f"{number}/{of}  {step.name}"):
            inputs = step.act(deploy)
    except BaseException as error:
        _ended(step.name, "failed", began, deploy)
        _note(deploy, step.name, "failed", message=str(error) or type(error).__name__)
        raise
    _ended(step.name, "skipped" if "skipped" in inputs else "done", began, deploy, str(inputs.get("skipped") or ""))
    note = deploy.log.note if number < of else partial(_note, deploy)  # after the last one nothing is begun any more
    note(step.name, "done", **inputs)


def _note(deploy: Deploy, step: str, status: str, **inputs: Any) -> None:
    """Note what was done already: a journal that cannot be written any more must not keep us from going back."""
    if said := deploy.log.noted(step, status, **inputs):
        deploy.say.line(said)


def _ended(name: StepName, status: str, began: float, deploy: Deploy, why: str = "") -> None:
    seconds = time.monotonic() - began
    deploy.record.seconds[name] = (status, seconds)
    deploy.say.end(f"{status}: {why}" if why else status, seconds)


def _walk_back(plan: Plan, deploy: Deploy, error: MigopsError, ends: Ends) -> Outcome:
    """Undo what was begun, the last first, and say where things stand then. One that fails stops no other."""
    if kept_out := takeover.regain(deploy):
        return _kept_out(deploy, error, kept_out)
    deploy.say.line(f"{error}; rolling back")
    undoing = [step for step in reversed(plan.steps) if step.name in deploy.record.begun and step.undo]
    trouble = {step.name: said for step in undoing if (said := _undo(step, deploy))}
    return ends.failed(deploy, error, trouble)


def _kept_out(deploy: Deploy, error: MigopsError, why: str) -> Outcome:
    """Another run is at work, or was: what it has made of the project is not ours to undo."""
    commands = deploy.inputs.target.commands
    status = (commands.log(), commands.migops("status"))
    begun = listed(deploy.record.begun) or "nothing"
    sentence = f"{error}; {why}, so nothing that this run has begun was undone ({begun})"
    hint = "wait until the other run has ended, then check the state"
    return Outcome("operator", int(ExitCode.OPERATOR), sentence, status, hint)


def _after_a_bug(plan: Plan, deploy: Deploy, error: Exception, ends: Ends) -> Outcome:
    """Go back all the same; the traceback goes to the journal and to the user."""
    text = redact(traceback.format_exc())
    _note(deploy, "bug", "failed", traceback=text)
    for line in text.splitlines():
        deploy.say.line(line)
    bug = Aborted(f"a bug in migops ({type(error).__name__}): please report the lines above")
    found = _walk_back(plan, deploy, bug, ends)
    return found if found.code == ExitCode.OPERATOR else replace(found, code=int(ExitCode.BUG))


def _undo(step: Step, deploy: Deploy) -> str:
    """Undo one step; why that did not go, '' where it did."""
    undo = step.undo
    if undo is None:
        return ""
    try:
        with progress.step(f"undo {step.name}"):
            inputs: Mapping[str, Any] = undo(deploy)
    except Exception as error:  # noqa: BLE001 - nor may a bug in one undo keep the others from being done
        _note(deploy, step.name, "undo failed", message=str(error))
        return f"undoing the step {step.name} failed: {error}"
    _note(deploy, step.name, "undone", **inputs)
    return ""


def _outcome(deploy: Deploy, error: MigopsError, trouble: Mapping[StepName, str]) -> Outcome:
    record = deploy.record
    commands: Sequence[Sequence[str]] = getattr(error, "commands", ())
    shown = tuple(tuple(words) for words in commands)
    before, after = listed(record.before or (), "no revision"), listed(record.after or (), "no revision")
    at_before = "was not touched" if record.before is None else f"is at {before}"
    if trouble:
        at = f"; the database is at {after}" if record.after is not None else ""
        at = f"{at}; {manual_steps.stay_stopped(deploy)}" if record.stopped else at
        back = manual_steps.manual_steps_for(deploy, trouble)
        # A command that has failed is no way on where there are commands that lead back.
        ways = (
            *(() if back and not isinstance(error, ManualActionRequired) else shown),
            *back,
            *(next_steps(deploy) if record.has_moved else ()),
        )
        sentence = f"{error}; then {'; '.join(trouble.values())}{at}"
        unique = tuple(dict.fromkeys(ways))
        return Outcome("operator", int(ExitCode.OPERATOR), sentence, unique, manual_steps.gone(deploy) or error.hint)
    if record.unrestored:
        stopped = f"; {manual_steps.stay_stopped(deploy)}" if record.stopped else ""
        partly = f"{error}; {manual_steps.partly(deploy)}{stopped}"
        sentence = f"{partly}; the database {at_before}"
        if record.has_moved:
            sentence = f"{partly}; the database has moved on from {before} to {after}"
        ways = tuple(next_steps(deploy)) if record.has_moved else ()
        hint = f"{error.hint}; {manual_steps.HINT}" if error.hint else manual_steps.HINT
        return Outcome("operator", int(ExitCode.OPERATOR), sentence, ways, hint)
    if isinstance(error, ManualActionRequired) and not record.taken_back:
        return Outcome("operator", int(ExitCode.OPERATOR), str(error), shown, error.hint)
    runs = manual_steps.went_further(deploy) or manual_steps.runs(deploy)
    if record.has_moved:
        sentence = f"{error}; {runs}, and the database has moved on from {before} to {after}"
        ways = tuple(dict.fromkeys((*shown, *next_steps(deploy))))
        hints = (error.hint or next_steps_hint(deploy), manual_steps.start_again(deploy))
        hint = "; ".join(each for each in hints if each)
        return Outcome("operator", int(ExitCode.OPERATOR), sentence, ways, hint)
    if record.stopped:
        sentence = f"{error}; {runs or manual_steps.stay_stopped(deploy)}; the database {at_before}"
        ways = tuple(dict.fromkeys((*shown, *next_steps(deploy))))
        return Outcome("operator", int(ExitCode.OPERATOR), sentence, ways, error.hint or next_steps_hint(deploy))
    error = _with_foreign(deploy, error)
    state = f"nothing was changed: the running containers are as before, the database {at_before}"
    if isinstance(error, Locked) or error.exit_code is ExitCode.USAGE:
        return Outcome("aborted", int(error.exit_code), f"{error}; {state}", shown, error.hint)
    if StepName.SWAP in record.begun or record.taken_back or isinstance(error, Failed):
        returned = "was downgraded and " if record.taken_back else ""
        state = f"rolled back: {runs}, the database {returned}{at_before}"
        if manual_steps.went_further(deploy):
            state = f"{runs}; the database {returned}{at_before}"
            if doubt := manual_steps.moved_since(deploy):
                ways = (*shown, *next_steps(deploy))
                return Outcome("operator", int(ExitCode.OPERATOR), f"{error}; {state}; {doubt}", ways, error.hint)
        return Outcome("failed", int(ExitCode.FAILED), f"{error}; {state}", shown, error.hint)
    code = SIGNAL + deploy.stop.came if deploy.stop.came else int(ExitCode.ABORTED)
    return Outcome("aborted", code, f"{error}; {state}", shown, error.hint)


def _with_foreign(deploy: Deploy, error: MigopsError) -> MigopsError:
    """The error, with the names that someone else has changed meanwhile."""
    if deploy.record.foreign:
        means = "; ".join(f"{ref} points to {image[:19] or 'nothing'}" for ref, image in deploy.record.foreign.items())
        error.message += f" (someone else has changed image names meanwhile; they were left as they are: {means})"
        error.args = (error.message,)
    return error
