"""Local stand-ins for `python:3.11-slim` and `postgres:15`, for where no registry can be reached.

They carry the official names, so that the examples' Dockerfiles are the ones a user would write.
"""

from __future__ import annotations

import hashlib
import os
import platform
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.engine import debian, layout
from tests.engine.errors import EngineUnavailable

if TYPE_CHECKING:
    from tests.engine.engine import Engine

LABEL = "migops.test.stand-in"
"""On every stand-in: the digest of its recipe."""

_RECIPES = Path(__file__).parent / "images"
_SUITE = "bookworm"
_UNUSED = (
    *("var/cache/apt/*", "var/lib/apt/lists/*", "var/log/*"),
    *(f"usr/share/{name}/*" for name in ("doc", "man", "info", "locale", "i18n")),
)
_PULL_SECONDS = 6.0


@dataclass(frozen=True)
class StandIn:
    """One stand-in: a minimal Debian with *packages*, finished by the Dockerfile in `images/<recipe>`."""

    name: str
    recipe: str
    packages: tuple[str, ...]
    wheels: tuple[str, ...] = ()
    """What `pip install` finds in it, with all that these need."""
    unwanted: tuple[str, ...] = ()
    """Glob patterns of large files that nothing here uses."""

    @property
    def digest(self) -> str:
        """Changes when anything that goes into the image does."""
        parts = [repr(self).encode()]
        parts += [path.read_bytes() for path in sorted((_RECIPES / self.recipe).iterdir())]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


STAND_INS = (
    StandIn(
        "python:3.11-slim",
        "python",
        ("python3", "python3-pip", "python3-setuptools", "python3-wheel", "ca-certificates", "netbase", "tzdata"),
        (
            *("alembic", "sqlalchemy[asyncio]", "asyncpg", "psycopg[binary]", "psycopg2-binary", "aiosqlite"),
            *("flask", "flask-sqlalchemy", "flask-migrate", "fastapi", "uvicorn", "pydantic-settings", "pytz"),
            *("python-dotenv", "tzdata", "setuptools", "wheel", "hatchling"),
        ),
    ),
    StandIn(
        "postgres:15",
        "postgres",
        ("postgresql-15", "locales", "gosu", "netbase", "tzdata", "xz-utils", "zstd"),
        # without its compiler of queries (160 MB) the server interprets them, as it does for small ones anyway
        unwanted=(
            *("usr/lib/*/libLLVM*", "usr/lib/*/libz3*"),
            *("usr/lib/postgresql/15/lib/bitcode", "usr/lib/postgresql/15/lib/llvmjit*"),
        ),
    ),
)


def provide(engine: Engine, names: Sequence[str] | None = None) -> None:
    """See that *engine* has the base images *names* (default: all): its own, pulled, a stand-in cached or made now."""
    for stand_in in STAND_INS:
        if (names is None or stand_in.name in names) and not _has(engine, stand_in):
            with layout.locked("images"):
                _provide(engine, stand_in)


def _provide(engine: Engine, stand_in: StandIn) -> None:
    saved = _saved(stand_in)
    if _has(engine, stand_in) or (not saved.exists() and _pull(engine, stand_in.name)):
        return
    if saved.exists():
        engine.docker("load", "--input", str(saved))
        return
    debian.require()
    _make(engine, stand_in)

    def save(new: Path) -> None:
        engine.docker("save", "--output", str(new), stand_in.name)

    layout.made(saved, save)
    for old in saved.parent.glob(f"{stand_in.recipe}-*.tar"):
        if old != saved:
            old.unlink()


def _saved(stand_in: StandIn) -> Path:
    return layout.cache() / "images" / f"{stand_in.recipe}-{stand_in.digest}.tar"


def _has(engine: Engine, stand_in: StandIn) -> bool:
    """Whether the engine has the image: a real one, or our stand-in by the recipe of today."""
    label = f'{{{{index .Config.Labels "{LABEL}"}}}}'
    inspect = ["docker", "image", "inspect", "--format", label, stand_in.name]
    done = subprocess.run(inspect, env=engine.env, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0 and done.stdout.strip() in ("", "<no value>", stand_in.digest)


def _pull(engine: Engine, name: str) -> bool:
    """Pull *name*, giving up when no registry has answered within a few seconds."""
    with subprocess.Popen(
        ["docker", "pull", name], env=engine.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as pull:
        assert pull.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(pull.stdout, selectors.EVENT_READ)
            begun = bool(selector.select(_PULL_SECONDS)) and pull.stdout.readline() != b""
        if not begun:
            pull.kill()
            return False
        pull.communicate(timeout=600)
    return pull.returncode == 0


def _make(engine: Engine, stand_in: StandIn) -> None:
    base = f"migops-base-{stand_in.recipe}:{stand_in.digest}"
    layout.cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".image.", dir=layout.cache()) as scratch:
        root, context = Path(scratch) / "root", Path(scratch) / "context"
        _debootstrap(stand_in, root)
        tar = Path(scratch) / "base.tar"
        _run(["tar", "-C", str(root), "--numeric-owner", "-cf", str(tar), "."])
        shutil.rmtree(root)
        engine.docker("import", str(tar), base)
        shutil.copytree(_RECIPES / stand_in.recipe, context)
        if stand_in.wheels:
            shutil.copytree(_wheels(stand_in), context / "wheels")
        label = f"{LABEL}={stand_in.digest}"
        build = ["build", "--quiet", "--build-arg", f"BASE={base}", "--label", label, "--tag", stand_in.name]
        engine.docker(*build, str(context), timeout=600)
        engine.docker("image", "rm", base)


def _debootstrap(stand_in: StandIn, root: Path) -> None:
    debian.install({"debootstrap": "debootstrap"})
    packages = ",".join(stand_in.packages)
    command = ["debootstrap", "--variant=minbase", f"--include={packages}", _SUITE, str(root), debian.archives()[0].uri]
    # its mounts live in a name space of their own: a killed run leaves none behind
    _run(["unshare", "--mount", *command])
    if "locales" in stand_in.packages:
        _run(["chroot", str(root), "localedef", "-i", "en_US", "-c", "-f", "UTF-8", "en_US.UTF-8"])
    for pattern in (*_UNUSED, *stand_in.unwanted):
        for path in list(root.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    if "postgresql-15" in stand_in.packages:
        (root / "var/log/postgresql").mkdir(exist_ok=True)


def _wheels(stand_in: StandIn) -> Path:
    """A folder with the wheels of *stand_in*, for its Python and not for ours."""
    digest = hashlib.sha256(repr(stand_in.wheels).encode()).hexdigest()[:16]
    machine = platform.machine()
    tags = [f"--platform={tag}_{machine}" for tag in ("manylinux2014", "manylinux_2_17", "manylinux_2_28")]
    binary = ["--only-binary=:all:", "--python-version=3.11", "--implementation=cp", *tags]

    def download(new: Path) -> None:
        _run([sys.executable, "-m", "pip", "download", "--quiet", *binary, f"--dest={new}", *stand_in.wheels])

    return layout.made(layout.cache() / "wheels" / digest, download)


def _run(command: list[str]) -> None:
    env = {**os.environ, "PATH": debian.search_path(), "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    began = time.monotonic()
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = (done.stdout + done.stderr).strip()[-1500:]
        raise EngineUnavailable(f"{' '.join(command)} failed after {time.monotonic() - began:.0f} s:\n{tail}")
