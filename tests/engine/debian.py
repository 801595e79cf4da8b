"""Debian packages of another suite, unpacked into a private folder: nothing on the machine is upgraded."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.engine import layout
from tests.engine.errors import EngineUnavailable


@dataclass(frozen=True)
class Archive:
    """One line of the machine's package sources, for the machine's own suite."""

    uri: str
    components: str
    signed_by: str
    """A path of a keyring, or "" for apt's trusted ones."""


def require() -> None:
    """Raise `EngineUnavailable` unless we are root on Debian."""
    if os.geteuid() != 0:
        raise EngineUnavailable(
            "no Docker Engine answers, and only root can start a private one: start one, or be root"
        )
    if _os_release().get("ID") != "debian" or not shutil.which("apt-get"):
        raise EngineUnavailable("no Docker Engine answers, and a private one is made from Debian's packages: start one")


def install(needs: dict[str, str]) -> None:
    """Install from the machine's own suite what is missing. *needs* maps a program to the package that has it."""
    missing = sorted({package for program, package in needs.items() if not shutil.which(program, path=search_path())})
    if missing:
        install_missing = [
            "apt-get",
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            "-o",
            "DPkg::Lock::Timeout=120",
            *missing,
        ]
        if subprocess.run(install_missing, env=_quiet(), capture_output=True, check=False).returncode:
            _run(["apt-get", "update", "-qq"])  # the machine's lists may be old or empty
            _run(install_missing)


def search_path(*first: Path) -> str:
    """A PATH with *first* before ours, and with the folders for root that a plain `su` leaves out."""
    folders = [*map(str, first), *os.environ.get("PATH", "").split(os.pathsep), "/usr/local/sbin", "/usr/sbin", "/sbin"]
    return os.pathsep.join(dict.fromkeys(folders))


def unpack(suite: str, packages: Sequence[str], root: Path) -> None:
    """Unpack *packages* of *suite* (without what they depend on) into the folder *root*."""
    options = _private_apt(suite)
    debs = root.parent / "debs"
    debs.mkdir()
    _run(["apt-get", *options, "update", "-qq"])
    _run(["apt-get", *options, "download", "-qq", *packages], cwd=debs)
    root.mkdir(exist_ok=True)
    for deb in sorted(debs.iterdir()):
        _run(["dpkg", "-x", str(deb), str(root)])
    shutil.rmtree(debs)


def archives() -> list[Archive]:
    """The sources of the machine's own suite, read from any file that apt reads."""
    etc = Path("/etc/apt")
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]
    suites = {_os_release().get("VERSION_CODENAME", ""), "stable"}
    found = [archive for file in files if file.is_file() for archive in _read(file, suites)]
    if not found:
        raise EngineUnavailable(f"no file under {etc} names a package source for this machine's suite")
    return found


def _private_apt(suite: str) -> list[str]:
    """The apt options that make every list, cache and status file a private one, with one suite to read."""
    base = layout.cache() / "apt" / suite
    for folder in ("lists/partial", "cache/archives/partial", "parts"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    (base / "status").touch()
    lines = []
    for archive in archives():
        signed = f" [signed-by={archive.signed_by}]" if archive.signed_by else ""
        lines.append(f"deb{signed} {archive.uri} {suite} {archive.components}\n")
    (base / "sources.list").write_text("".join(dict.fromkeys(lines)))
    settings = {
        "Dir::Etc::SourceList": base / "sources.list",
        "Dir::Etc::SourceParts": base / "parts",
        "Dir::State::Lists": base / "lists",
        "Dir::State::status": base / "status",
        "Dir::Cache": base / "cache",
        "APT::Sandbox::User": "root",  # apt's own user may not read root's cache folder
        "Acquire::Retries": "2",
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def _read(file: Path, suites: set[str]) -> Iterator[Archive]:
    text = "\n".join(line for line in file.read_text().splitlines() if not line.lstrip().startswith("#"))
    if file.suffix == ".sources":
        yield from _read_deb822(text, suites)
    elif file.suffix == ".list":
        yield from _read_lines(text, suites)


def _read_deb822(text: str, suites: set[str]) -> Iterator[Archive]:
    for paragraph in text.split("\n\n"):
        fields: dict[str, str] = {}
        key = ""
        for line in paragraph.splitlines():
            if not line[:1].isspace() and ":" in line:
                key, _, line = line.partition(":")
            fields[key.lower()] = f"{fields.get(key.lower(), '')} {line.strip()}".strip()
        wanted = "deb" in fields.get("types", "").split() and suites & set(fields.get("suites", "").split())
        if wanted and fields.get("enabled", "yes").lower() not in ("no", "false", "0"):
            signed = fields.get("signed-by", "")
            for uri in fields.get("uris", "").split():
                # a key inside the file itself is the archive's own, which apt's trusted ones have as well
                yield Archive(uri, fields.get("components", "main"), signed if signed.startswith("/") else "")


def _read_lines(text: str, suites: set[str]) -> Iterator[Archive]:
    for line in text.splitlines():
        kind, _, rest = line.strip().partition(" ")
        options = ""
        if rest.lstrip().startswith("["):
            options, _, rest = rest.lstrip()[1:].partition("]")
        words = rest.split()
        if kind == "deb" and len(words) > 2 and words[1] in suites:
            signed = [option.partition("=")[2] for option in options.split() if option.startswith("signed-by=")]
            yield Archive(words[0], " ".join(words[2:]), signed[0] if signed else "")


def _os_release() -> dict[str, str]:
    file = Path("/etc/os-release")
    lines = file.read_text().splitlines() if file.exists() else []
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}


def _quiet() -> dict[str, str]:
    return {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


def _run(command: list[str], cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, env=_quiet(), capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr or done.stdout).strip()[-800:]
        raise EngineUnavailable(f"a private Docker Engine cannot be made: {' '.join(command)}\n{reason}")
