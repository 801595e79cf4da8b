"""MIG107 and MIG108: a build that migrates, and a script that no container can start."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

from migops.analysis.evidence import Evidence
from migops.core.model import Action, Location, PlaceName, Remedy, Severity, Subject
from migops.rules.remedies import rebuild
from migops.rules.rule import Match, Rule
from migops.rules.start import by_place, whose

if TYPE_CHECKING:
    from migops.entrypoint.runnable import Fault


def migrates_in_build(evidence: Evidence) -> Iterator[Match]:
    """A RUN of the Dockerfile migrates the database.

    What: no service of the compose project can be reached while an image is built, so the build fails with "could not
    translate host name", or it migrates another database than the application's. The result is cached: the next
    database, and the next deploy with the same files, are not migrated at all.

    Why: `RUN alembic upgrade head` (or `flask db upgrade`) looks like a step of the deploy.

    Alembic says: 'could not translate host name "…"', in the output of the build.

    Fix: delete the line, and migrate when you deploy. A build that makes a database file of its own (SQLite), or that
    starts a server in the same RUN, is not reported.

    With migops: `migops rebuild-and-migrate SERVICE` migrates between the build and the start of the new containers.

    Seen in: ETretyakov/hero-app#1
    """
    if _url(evidence).startswith("sqlite") or _mentions_sqlite(evidence):
        return
    for change in evidence.build_changes:
        yield Match(
            Subject(path=str(change.at)),
            f"the build migrates a database: `{change.text}`",
            f"{change.at} runs it while the image is built, where no service of the project can be reached",
            None,
            {"file": change.at.file, "line": change.at.line, "text": change.text},
            (Remedy(f"delete it from the RUN at {change.at}, and migrate when you deploy instead", at=change.at),),
        )


def script_cannot_start(evidence: Evidence) -> Iterator[Match]:
    """A script that the container starts as a program cannot be executed.

    What: the container stops at once, with exit code 126 or 127 and one of "permission denied", "no such file or
    directory" (although the file is there) and "exec format error".

    Why: nobody may execute it, because git or an editor lost the x bit and COPY keeps the file's mode; its first line
    ends with CR LF, so that the interpreter is looked up as `/bin/sh` with a CR at its end; the interpreter is not in
    the image (`bash` in Alpine); or there is no `#!` line at all. A script that is the argument of a shell (`sh
    start.sh`) needs none of these, and is not reported.

    Fix: `chmod +x`, Unix line ends with a line in `.gitattributes` that keeps them, another interpreter; then rebuild.

    With migops: `migops doctor --fix MIG108` shows the edit as a diff, and applies it after a yes.

    Seen in: wagtail/bakerydemo#468
    """
    for fault, services, remark in by_place(evidence, lambda startup: startup.faults, _of_fault):
        yield Match(
            Subject(path=fault.at),
            f"{services} cannot start {fault.path}: {_why(fault)}{remark.later}",
            f"{fault.at}{whose(fault.place)} is started as a program; {_effect(fault)}",
            None,
            {"file": fault.at, "path": fault.path, "place": fault.place, "why": fault.why.value},
            # Whether a build would mend what only the image shows is not known: a RUN may do it, or fail to.
            (*_startable(fault), *_build_again(evidence, fault)),
        )


RULES = (
    Rule("MIG107", "migrates-in-build", Severity.ERROR, (), migrates_in_build, lint=True),
    Rule("MIG108", "script-cannot-start", Severity.ERROR, (), script_cannot_start, lint=True),
)


def _of_fault(fault: Fault) -> Hashable:
    return fault.path, fault.why


def _why(fault: Fault) -> str:
    return {
        "line ends": "its first line ends with CR LF",
        "permission": "it is not executable",
        "interpreter": f"the image has no {_program(fault)}",
        "no interpreter": "it has no #! line",
    }[fault.why.value]


def _effect(fault: Fault) -> str:
    return {
        "line ends": f"the engine looks for an interpreter named {fault.interpreter!r} with a CR at its end",
        "permission": "nobody may execute it, also not root",
        "interpreter": f"its first line names {fault.interpreter}",
        "no interpreter": 'the engine stops with "exec format error"',
    }[fault.why.value]


def _program(fault: Fault) -> str:
    """The interpreter's name without options: ``/bin/bash``, or ``bash`` of ``env bash``."""
    words = [word for word in fault.interpreter.split() if not word.startswith("-")]
    return next((word for word in words if PurePath(word).name != "env"), "")


def _startable(fault: Fault) -> Iterator[Remedy]:
    """How the file itself is changed; with a command where it is on this machine."""
    at = Location(fault.at) if fault.place == "host" else None
    if fault.why.value == "permission":
        on_host = fault.place == "host"
        yield Remedy(
            "make it executable" + ("" if on_host else f": chmod +x {fault.path}, in the file that the build copies"),
            ("chmod", "+x", fault.at) if on_host else (),
            at=at,
            action=Action.EDIT,
        )
    elif fault.why.value == "line ends":
        yield Remedy(
            f"give {PurePath(fault.at).name} Unix line ends (LF), and keep them with a line in .gitattributes: "
            f"*{PurePath(fault.at).suffix or PurePath(fault.at).name} text eol=lf",
            at=at,
        )
    elif fault.why.value == "interpreter":
        yield Remedy(
            f"install {_program(fault)} in the image, or let the script begin with #!/bin/sh if it needs "
            "no more than that",
            at=at,
        )
    else:
        yield Remedy("give it a first line that names its interpreter: #!/bin/sh", at=at)


def _build_again(evidence: Evidence, fault: Fault) -> tuple[Remedy, ...]:
    if _is_mounted(evidence, fault):
        return (Remedy("start the service again", evidence.commands.up()),)
    return rebuild(evidence, "rebuild the image")


def _is_mounted(evidence: Evidence, fault: Fault) -> bool:
    """True if a bind mount of the service shows the host's file."""
    project = evidence.setup.project if evidence.setup else None
    service = project.services.get(evidence.commands.service) if project else None
    return any(
        mount.type == "bind" and PurePath(fault.path).is_relative_to(mount.target)
        for mount in (service.volumes if service else ())
    )


def _url(evidence: Evidence) -> str:
    return evidence.setup.url.text if evidence.setup and evidence.setup.url else ""


def _mentions_sqlite(evidence: Evidence) -> bool:
    """True if nothing but env.py says which database it is, and it may be a file that the build makes."""
    host = evidence.chain.held(PlaceName.HOST)
    env = host.environment.get("env.py") if host else None
    return not _url(evidence) and env is not None and b"sqlite" in env.content
