"""Every command that migops prints is made here: as this call addressed its target, so that it works as typed.

A command takes the user's own options of compose, and of migops's options those by which a call names its target
(``--config``, ``--image``, ``--database-url``, …) as far as that command has them: what is printed never means another
image or another database than the one that was judged. ``here`` is for messages that are made where no target is at
hand; the command line opens a ``scope`` for each run, and what is noted there is forgotten with it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from migops.core.image_source import completed
from migops.core.model.report import Action
from migops.core.options import COMPOSE

_FOUND = frozenset({"--config", "--name"})
_PLACES = _FOUND | {"--image", "--context", "--host-dir"}
_BUILD = frozenset({"--dockerfile", "--target", "--build-arg"})
_URL = "--database-url"

TAKES: Mapping[str, frozenset[str]] = {
    "check-image": _PLACES | _BUILD,
    "status": _PLACES | _BUILD | {_URL},
    "doctor": _PLACES | _BUILD | {_URL},
    "graph": _FOUND | {_URL},
    "rescue": _FOUND | {"--host-dir"},
    "backup": _FOUND,
    "adopt": _FOUND,
    "restore": _FOUND,
    "reset": _FOUND,
    "rebuild-and-migrate": frozenset({_URL}),
    "alembic": frozenset({_URL}),
}
"""The options by which each command names its target, beside compose's own."""

BARE = frozenset({"explain", "layers", "version"})
"""The commands that know of no compose project."""


@dataclass(frozen=True, slots=True)
class Commands:
    """How the user addresses what is being checked, so that a printed command can be typed as it stands.

    ``compose`` is the compose command with the user's own -f, -p and --profile options, or () without a project;
    ``image`` the reference as given; ``build_arguments`` what follows ``docker build`` without a project. ``builders``
    tells which service of the project builds which image, ``built_by`` which one builds the image of a service that has
    no build itself. ``named`` are this call's other options that say what is
    meant, each with its value; a password in a URL stands there as ``***``.
    """

    service: str = ""
    compose: tuple[str, ...] = ()
    image: str = ""
    build_arguments: tuple[str, ...] = ()
    can_build: bool = True
    builders: Mapping[str, str] = field(default_factory=dict)
    built_by: Mapping[str, str] = field(default_factory=dict)
    named: tuple[tuple[str, str], ...] = ()

    def build(self, *flags: str, service: str = "") -> tuple[str, ...]:
        """The command that makes the image anew, or () where nothing says how it is built."""
        if not self.can_build:
            return ()
        if self.compose:
            named = service or self.service
            return (*self.compose, "build", *flags, self.built_by.get(named, named))
        return ("docker", "build", *flags, *self.build_arguments)

    def build_base(self, ref: str) -> tuple[str, ...]:
        """The command that makes the base image ``ref`` anew, or () where no service of the project builds it."""
        service = self.builders.get(completed(ref), "")
        return self.build(service=service) if service and self.compose else ()

    def up(self, *flags: str, service: str = "") -> tuple[str, ...]:
        """The command that creates the service's containers anew where they are not what they should be."""
        return (*self.compose, "up", "-d", "--no-deps", *flags, service or self.service)

    @property
    def options(self) -> tuple[str, ...]:
        """The user's own options of compose (``-f``, ``-p``, …), as migops takes them too."""
        return self.compose[2:]

    @property
    def long_options(self) -> tuple[str, ...]:
        """The same in their long form, in which every version of migops takes them before Alembic's first word."""
        return tuple(COMPOSE.get(word, word) for word in self.options)

    def migops(self, command: str, *words: str, service: str | None = None) -> tuple[str, ...]:
        """A command of migops on the service (or another one of the project, or none: ''), options and all."""
        named = self.service if service is None else service
        return (*self.bare(command), *words, *((named,) if named else ()))

    def bare(self, command: str) -> tuple[str, ...]:
        """A command of migops with this call's options, and no service."""
        options = () if command in BARE else self.long_options if command == "alembic" else self.options
        return ("migops", command, *options, *self._naming(command))

    def _naming(self, command: str) -> Iterator[str]:
        takes = TAKES.get(command, frozenset())
        for name, value in self.named:
            if name in takes:
                yield from (name, value)

    def alembic(self, *words: str) -> tuple[str, ...]:
        """``migops alembic``, with its own options in their long form, and a section as Alembic does."""
        service = ("--service", self.service) if self.service else ()
        section = dict(self.named).get("--name", "")
        named = ("-n", section) if section and not {"-n", "--name"} & {*words} else ()
        return (*self.bare("alembic"), *service, *named, *words)

    def say(self, command: str, *words: str) -> str:
        """A command of migops on the service, inside of a sentence."""
        return shlex.join(self.alembic(*words) if command == "alembic" else self.migops(command, *words))

    def log(self, run: int | None = None) -> tuple[str, ...]:
        """The command that shows the past runs, or the one of that number."""
        return self.migops("log") if run is None else self.migops("log", str(run), service="")

    def adopt(self, *flags: str) -> tuple[str, ...]:
        """The command that finds the revision of a database which has none noted; compose projects only."""
        return self.migops("adopt", *flags)

    def unlock(self) -> tuple[str, ...]:
        """The command that releases a lock of which nobody can tell whether it is still needed."""
        return self.migops("log", "--unlock")

    def rescue(self) -> tuple[str, ...]:
        """The command that copies out what only a container has."""
        return self.migops("rescue")


def explain(rule: str = "") -> str:
    """The command that tells of a rule (or lists them), inside of a sentence."""
    return shlex.join(("migops", "explain", *((rule,) if rule else ())))


_VERBS = frozenset({"upgrade", "current", "history", "heads", "branches", "check", "show"})
_RISKY = frozenset({"stamp", "downgrade", "merge", "revision", "edit", "ensure_version"})
_READING = frozenset({"check-image", "status", "doctor", "graph", "layers", "config", "log", "explain", "version"})
_GUARDED = frozenset({"rescue", "backup", "adopt", "rebuild-and-migrate"})


def may_be_next(command: Sequence[str]) -> bool:
    """Whether the command may be named as the one to type now: it takes nothing away, or asks before it does.

    A stamp, a downgrade, a merge, a restore, and whatever removes a volume, a container or a file are choices.
    """
    program, *rest = command or ("",)
    if program == "migops":
        verb = _VERBS & {*rest} if rest[0] == "alembic" and not _RISKY & {*rest} else ()
        is_rest = rest[0] in _READING and "--unlock" not in rest
        return is_rest or rest[0] in _GUARDED or bool(verb)
    if program == "docker" and rest[:1] == ["compose"]:
        copies_out = "cp" in rest and ":/" in rest[-2]  # to a folder that the host does not have
        is_kind = copies_out or bool({"build", "up", "pull"} & {*rest})
        return is_kind and not {"-V", "--renew-anon-volumes"} & {*rest}
    if program == "docker":
        return rest[:1] in (["build"], ["pull"]) or rest[:2] == ["builder", "prune"]
    return program == "git" and not {"reset", "clean", "checkout"} & {*rest}


_ACTIONS: Mapping[tuple[str, str], Action] = {
    **dict.fromkeys((("migops", word) for word in _READING), Action.LOOK),
    ("migops", "rescue"): Action.SAVE,
    ("migops", "backup"): Action.SAVE,
    ("migops", "adopt"): Action.ADOPT,
    ("migops", "rebuild-and-migrate"): Action.DEPLOY,
    **dict.fromkeys((("git", word) for word in ("log", "show", "diff", "status", "grep")), Action.LOOK),
    **dict.fromkeys((("git", word) for word in ("add", "commit", "mv")), Action.COMMIT),
    **dict.fromkeys(
        (("git", word) for word in ("pull", "merge", "restore", "fetch", "submodule", "sparse-checkout", "config")),
        Action.FETCH,
    ),
    **dict.fromkeys((("compose", word) for word in ("logs", "ps", "config")), Action.LOOK),
    ("compose", "cp"): Action.SAVE,
    ("compose", "build"): Action.BUILD,
    ("compose", "pull"): Action.BUILD,
    ("compose", "up"): Action.RECREATE,
    ("docker", "build"): Action.BUILD,
    ("docker", "pull"): Action.BUILD,
    ("docker", "builder"): Action.EDIT,
}
"""The kind of a command by its program and its first word; of ``docker builder prune``, that of what precedes a build.
"""
_ALEMBIC: Mapping[str, Action] = {
    "upgrade": Action.UPGRADE, "merge": Action.REVISION, "revision": Action.REVISION, "stamp": Action.ADOPT,
    **dict.fromkeys(("current", "history", "heads", "branches", "check", "show"), Action.LOOK),
}  # fmt: skip
_VALUED = {*COMPOSE, *COMPOSE.values(), "--profile", "--env-file", "--project-directory", "-C", "-c"}


def action_of(command: Sequence[str]) -> Action:
    """The kind of a printed command, by its own words; OTHER if they do not tell."""
    program, *rest = command or ("",)
    if program == "docker" and rest[:1] == ["compose"]:
        program, rest = "compose", rest[1:]
    if program == "migops" and rest[:1] == ["alembic"]:
        verb = next((word for word in rest if word in _ALEMBIC or word == "downgrade"), "")
        return Action.LOOK if "--sql" in rest else _ALEMBIC.get(verb, Action.OTHER)
    return _ACTIONS.get((program, _first(rest)), Action.OTHER)


def _first(words: Sequence[str]) -> str:
    """The first word that is neither an option nor an option's value."""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            return word
        if word in _VALUED:
            next(rest, "")
    return ""


_scopes: list[list[Commands]] = []


_typed: list[tuple[str, ...]] = []
_PASSWORD = re.compile(r"(://[^/?#]*?:)[^/?#]*(@)")
_PARAMETER = re.compile(r"([?&]password=)[^&]*", re.IGNORECASE)


@contextmanager
def scope(arguments: Sequence[str] = ()) -> Iterator[None]:
    """What is noted inside lives as long as the run. ``arguments``: the command line, from the command's name on."""
    _scopes.append([Commands()])
    _typed.append(tuple(arguments))
    try:
        yield
    finally:
        _scopes.pop()
        _typed.pop()


def note(commands: Commands) -> None:
    """How this run addresses its target, as far as that is known by now. Outside of a scope nothing is noted."""
    if _scopes:
        _scopes[-1][0] = commands


def here() -> Commands:
    """How this run addresses its target; without options where nothing was noted."""
    return _scopes[-1][0] if _scopes else Commands()


def again(*options: str, service: str = "", command: str = "") -> str:
    """The command line as it was typed, with ``options`` after the command's name and ``service`` at its end.

    ``command``: what is printed if the command line is not known. A password in a URL is printed as ``***``.
    """
    from migops.core.terminal import shell_line  # only for what cannot go on

    name, *rest = _typed[-1] if _typed and _typed[-1] else (command,)
    if name == "alembic":  # its own options come first, in their long form
        options = (*(COMPOSE.get(word, word) for word in options), *(("--service", service) if service else ()))
        service = ""
    words = [without_password(word) for word in rest]
    return shell_line(("migops", name, *options, *words, *((service,) if service else ())))


def again_with(options: Sequence[str], arguments: Sequence[str]) -> str:
    """The call of ``migops alembic`` as it was typed, with other ``options`` after its own and these ``arguments``."""
    from migops.core.terminal import shell_line

    name, *rest = _typed[-1] if _typed and _typed[-1] else ("alembic",)
    own = rest[: max(0, len(rest) - len(options) - len(arguments))]
    return shell_line(("migops", name, *(without_password(word) for word in (*own, *options, *arguments))))


def without_password(url: str) -> str:
    """The text with the password of a URL in it as ``***``."""
    return _PARAMETER.sub(r"\1***", _PASSWORD.sub(r"\1***\2", url))
