"""From Alembic's options to the folders that it reads: absolute POSIX paths in the options' source.

Nothing here reads a file system. A package (``package:folder``), which Alembic resolves through Python, may be in
several folders; ``search`` lists them all, and ``exists`` selects the one that is present.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from migops.core.model import Location
from migops.core.text import did_you_mean
from migops.migrations.config import ConfigFile, Option, Value
from migops.migrations.problem import Problem

_SEPARATORS = {"space": " ", "newline": "\n", "os": ":", ":": ":", ";": ";"}
_LOGGING = re.compile(r"(logger|handler|formatter)(s|_.*)$|post_write_hooks$")
_DEFAULT_TEMPLATE = "%(rev)s_%(slug)s"


@dataclass(frozen=True, slots=True)
class ScriptPaths:
    """The locations of Alembic's scripts. Folders are absolute POSIX paths."""

    script_location: str  # '': unknown, with the reason in ``problems``
    version_locations: tuple[str, ...]
    recursive: bool = False
    sourceless: bool = False
    file_template: str = _DEFAULT_TEMPLATE
    prepend_sys_path: tuple[str, ...] = ()
    search: tuple[str, ...] = ()  # every folder that may have to be read to find the scripts
    at: Location | None = None  # the line that sets ``script_location``
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()  # sentences on assumptions that were made
    package: str = ""  # the package that ``script_location`` names (``package:folder``); '' if it names a folder


Exists = Callable[[str], bool]
FindPackage = Callable[[str, tuple[str, ...], str], str]
"""From a package's name, the folders of prepend_sys_path and a folder below the package, to the package's folder as
Python would find it."""


def locate(
    ini: ConfigFile | None,
    toml: ConfigFile | None = None,
    *,
    cwd: str,
    exists: Exists | None = None,
    set_by_app: Mapping[str, str] | None = None,
    package: FindPackage | None = None,
) -> ScriptPaths:
    """Find the script folders that Alembic would use, started in ``cwd`` with these files (either may be None).

    An option of the ini hides the same option of ``pyproject.toml``, as in Alembic. ``set_by_app`` are options that
    the application's code sets; they override both. ``exists`` is True for an existing path; without it the most
    likely folder is used. ``package`` finds packages; without it the most likely folders are searched. Options that
    Alembic would fail on become problems; only ``package`` raises.
    """
    return _Locator(ini, toml, cwd, exists, set_by_app or {}, package).locate()


@dataclass(slots=True)
class _Locator:
    ini: ConfigFile | None
    toml: ConfigFile | None
    cwd: str
    exists: Exists | None
    set_by_app: Mapping[str, str]
    package: FindPackage | None = None
    prepended: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    search: list[str] = field(default_factory=list)

    def locate(self) -> ScriptPaths:
        for file in (self.ini, self.toml):
            self.problems += file.problems() if file else ()
        prepended = self._list("prepend_sys_path", ("path_separator",), re.compile(r", *|(?: +)|:"))
        roots = tuple(dict.fromkeys(absolute(self.cwd, root) for root in (*prepended, ".")))
        self.prepended = tuple(absolute(self.cwd, root) for root in prepended)
        location, at = self._script_location()
        script = self._folder(location, roots) if location else ""
        if script and self.exists and not self.exists(script) and self._beside_scripts():
            self.notes.append(f"{script} does not exist; {self._own_folder()}")
            script = self._beside_scripts()
        versions = self._list("version_locations", ("path_separator", "version_path_separator"), re.compile(", *| +"))
        folders = tuple(self._folder(folder, roots) for folder in versions)
        if not folders and script:
            # One of the candidates for the script location contains the versions: no further folder to search.
            folders = (posixpath.join(script, "versions"),)
        return ScriptPaths(
            script_location=script,
            version_locations=folders if script else (),
            recursive=self._flag("recursive_version_locations"),
            sourceless=self._flag("sourceless"),
            file_template=self._text("file_template") or _DEFAULT_TEMPLATE,
            prepend_sys_path=roots[: len(roots) - 1] if prepended else (),
            search=tuple(dict.fromkeys(self.search)),
            at=at,
            problems=tuple(self.problems),
            notes=tuple(self.notes),
            package=location.partition(":")[0] if ":" in location and not posixpath.isabs(location) else "",
        )

    def _option(self, name: str) -> Option | None:
        """The option as Alembic's ``get_alembic_option`` finds it: the ini first, whatever its value."""
        if name in self.set_by_app:
            return Option(name, self.set_by_app[name], Location("(set by the application)"))
        for file in (self.ini, self.toml):
            if file and name in file.options:
                return file.options[name]
        return None

    def _text(self, name: str) -> str | None:
        option = self._option(name)
        return option.value if option and isinstance(option.value, str) else None

    def _flag(self, name: str) -> bool:
        option = self._option(name)
        if option is None or option.error:
            return False
        if isinstance(option.value, str) and not self._from_toml(option):
            return option.value == "true"  # Alembic accepts no other spelling
        if not isinstance(option.value, bool):
            self._stop(option, f"{name} must be true or false, without quotes")
        return option.value is True

    def _from_toml(self, option: Option) -> bool:
        return self.toml is not None and option is self.toml.options.get(option.name)

    def _list(self, name: str, separators: tuple[str, ...], legacy: re.Pattern[str]) -> tuple[str, ...]:
        """A list of paths: text of the ini split at its separator, or an array of ``pyproject.toml``."""
        option = self._option(name)
        if option and not option.value and not option.error and self.toml:
            option = self.toml.options.get(name)  # an empty value in the ini does not hide the array of the toml
        if option is None or not option.value:
            return ()
        if isinstance(option.value, tuple):
            return option.value
        if not isinstance(option.value, str) or self._from_toml(option):
            self._stop(option, f"{name} must be an array of paths")
            return ()
        for key in separators:
            # Alembic reads the separator from the ini only, and stops at the first key that is set.
            separator = self._text(key) if key in self.set_by_app else self._ini_text(key)
            if separator is None:
                continue
            if separator in _SEPARATORS:
                return tuple(part.strip() for part in option.value.split(_SEPARATORS[separator]) if part)
            given = self._option(key)
            self._stop(given or option, f"{key} = {separator}: must be space, newline, os, ':' or ';'")
            return ()
        return tuple(legacy.split(option.value))

    def _ini_text(self, name: str) -> str | None:
        value: Value = self.ini.options[name].value if self.ini and name in self.ini.options else None
        return value if isinstance(value, str) else None

    def _script_location(self) -> tuple[str, Location | None]:
        option = self._option("script_location")
        if option is not None:
            if isinstance(option.value, str):
                return option.value, option.at
            if not option.error:
                self._stop(option, "script_location must be text")
            return "", option.at
        if self.ini and self._beside_scripts():
            self.notes.append(f"{self.ini.path} sets no script_location; {self._own_folder()}")
            return self._beside_scripts(), Location(self.ini.path)
        self._missing()
        return "", None

    def _beside_scripts(self) -> str:
        """The ini's own folder, if it is a script folder, as with Flask-Migrate, which sets the folder in code."""
        here = self.ini.here if self.ini else ""
        around = [posixpath.join(here, name) for name in ("env.py", "versions")] if here else []
        return here if self.exists and any(self.exists(path) for path in around) else ""

    def _own_folder(self) -> str:
        return "using the folder of the ini file, as Flask-Migrate does"

    def _missing(self) -> None:
        file = self.ini or self.toml
        at = Location(file.path if file else posixpath.join(self.cwd, "alembic.ini"))
        hint = "set script_location, or use --name for the section that sets it"
        if file is None:
            message = "neither an alembic.ini nor a pyproject.toml with [tool.alembic] found"
        elif not file.has_section:
            others = ", ".join(f"[{name}]" for name in file.sections) or "none"
            near = did_you_mean(file.section, [each for each in file.sections if not _LOGGING.match(each)])
            message = f"no section [{file.section}] (sections: {others}), so no script_location"
            message += f": {near}" if near else ""
        else:
            message = f"section [{file.section}] sets no script_location"
        if self.ini:
            other = [each for each in self.ini.sections if each != self.ini.section and not _LOGGING.match(each)]
            hint += f" (sections: {', '.join(other)})" if other and self.ini.has_section else ""
        self.problems.append(Problem("MIG502", at, message, hint=hint))

    def _folder(self, text: str, roots: tuple[str, ...]) -> str:
        """One path as ``coerce_resource_to_filename`` reads it. Adds all its candidates to ``search``."""
        if posixpath.isabs(text) or ":" not in text:
            candidates = [absolute(self.cwd, text)]
        else:
            package, *rest = text.split(":")
            if self.package:
                folder = posixpath.join(*rest) if rest else ""
                candidates = [absolute(self.package(package, self.prepended, folder), folder or ".")]
                self.search += candidates
                return candidates[0]
            below = posixpath.join(package.replace(".", "/"), *rest)
            candidates = [absolute(root, below) for root in (*roots, *self._above(package))]
            candidates = list(dict.fromkeys(candidates))
        self.search += candidates
        return next((path for path in candidates if self.exists and self.exists(path)), candidates[0])

    def _above(self, package: str) -> list[str]:
        """Possible parent folders of ``package`` in a source tree: ``src``, and the ini's own parents."""
        top, folders = package.partition(".")[0], [posixpath.join(self.cwd, "src")]
        folder = self.ini.here if self.ini else self.cwd
        while folder not in ("/", ""):
            if posixpath.basename(folder) == top:
                folders.append(posixpath.dirname(folder))
            folder = posixpath.dirname(folder)
        return folders

    def _stop(self, option: Option, message: str) -> None:
        self.problems.append(Problem("MIG502", option.at, message))


def absolute(cwd: str, path: str) -> str:
    """``path`` relative to ``cwd`` as an absolute path, with one leading slash (``%(here)s/x`` has two in the root)."""
    return "/" + posixpath.normpath(posixpath.join(cwd, path)).lstrip("/")
