"""The engine that the tests use: found or started, with a docker and a compose that fit it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from tests.engine import debian, host, layout, releases, standins
from tests.engine.daemon import Daemon, answers
from tests.engine.errors import EngineUnavailable

_DEFAULT_SOCKET = "/var/run/docker.sock"
_VERSIONS: dict[str, str] = {}
"""By host: many tests ask."""
_FOREIGN = (
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "DOCKER_TLS",
    "DOCKER_API_VERSION",
)


@dataclass(frozen=True)
class Engine:
    """An engine that answers."""

    host: str
    """As in DOCKER_HOST."""
    changes: Mapping[str, str]
    """The environment variables that lead to it, and to the docker and compose that fit it."""
    private: bool
    """Whether we started it, so that all that is in it is ours."""

    @property
    def socket(self) -> Path:
        """Its unix socket. Raises `EngineUnavailable` for an engine that is reached over TCP."""
        if not self.host.startswith("unix://"):
            raise EngineUnavailable(f"{self.host} is no unix socket")
        return Path(self.host.removeprefix("unix://"))

    @property
    def env(self) -> dict[str, str]:
        """The environment for processes that shall use this engine."""
        return {**{key: value for key, value in os.environ.items() if not misleads(key)}, **self.changes}

    @property
    def version(self) -> str:
        if self.host not in _VERSIONS:
            _VERSIONS[self.host] = self.docker("version", "--format", "{{.Server.Version}}").strip()
        return _VERSIONS[self.host]

    @contextmanager
    def api(self) -> Iterator[docker.APIClient]:
        """The engine without a process of `docker` for each question: a fifth of the CPU."""
        with closing(docker.APIClient(version="auto", **docker.utils.kwargs_from_env(environment=self.env))) as client:
            yield client

    def docker(self, *arguments: str, check: bool = True, timeout: float = 300, **options: Any) -> str:
        """Run `docker` with *arguments* and return what it prints. Its errors are raised with both streams."""
        options.setdefault("env", self.env)
        return run(["docker", *arguments], check=check, timeout=timeout, **options).stdout

    def compose(self, *arguments: str, cwd: Path, check: bool = True, timeout: float = 300, **options: Any) -> str:
        """Run `docker compose` in the folder *cwd* and return what it prints on stdout."""
        options.setdefault("env", self.env)
        return run(["docker", "compose", *arguments], cwd=cwd, check=check, timeout=timeout, **options).stdout


def misleads(variable: str) -> bool:
    """Whether the environment's *variable* could lead docker or compose elsewhere than to the engine at hand."""
    return variable in _FOREIGN or variable.startswith("COMPOSE_")


def run(
    command: list[str], *, check: bool = True, timeout: float = 300, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run *command*; with *check*, a failure raises with the command, its code and both of its streams."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **options)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)} → {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def up(version: str | None = None) -> Engine:
    """The engine *version*, started if need be; without a version, first whichever engine answers already."""
    engine = (None if version else _answering()) or _start(releases.release(version or releases.DEFAULT))
    standins.provide(engine)
    return engine


def running(version: str | None = None) -> Engine | None:
    """The engine that `up` would return, if it runs already; nothing is started."""
    if not version and (engine := _answering()):
        return engine
    daemon = daemon_of(releases.release(version or releases.DEFAULT))
    return _private(daemon) if daemon.alive() else None


def daemon_of(release: releases.Release) -> Daemon:
    """The private daemon of *release*, running or not."""
    base = layout.cache() / "engines" / release.name
    return Daemon(
        name=f"migops-{release.name}",
        programs=base / "programs",
        data=base / "data",
        settings={
            "bridge": _bridge(release),
            "default-address-pools": [{"base": f"{release.subnet}.128.0/17", "size": 24}],
            "features": dict.fromkeys(("buildkit", *release.features), True),
            "builder": {"gc": {"enabled": True, "defaultKeepStorage": "2GB"}},
            "shutdown-timeout": 3,
        },
    )


def programs(release: releases.Release) -> Path:
    """The folder with the unpacked packages of *release*, downloaded if need be. Call it under the lock."""
    return layout.made(layout.cache() / "engines" / release.name / "programs", lambda new: _unpack(release, new))


def client(host_: str, unpacked: Path) -> dict[str, str]:
    """The environment with which the docker, compose and buildx among *unpacked* talk to *host_*."""
    config = unpacked / "client"
    return {
        "DOCKER_HOST": host_,
        "DOCKER_CONFIG": str(config),
        "DOCKER_BUILDKIT": "1",
        "PATH": debian.search_path(config),
    }


def stop(version: str) -> bool:
    """Stop the private engine *version*; False if it did not run."""
    release = releases.release(version)
    daemon = daemon_of(release)
    with layout.locked(daemon.name):
        ran = daemon.pid is not None
        daemon.stop()
        if ran:  # else it may be that of an engine from another cache folder
            host.remove_bridge(_bridge(release))
    return ran


def reset(version: str) -> None:
    """Stop the private engine *version* and forget its images, volumes and containers. The downloads stay."""
    stop(version)
    shutil.rmtree(daemon_of(releases.release(version)).data, ignore_errors=True)


def _start(release: releases.Release) -> Engine:
    debian.require()
    daemon = daemon_of(release)
    with layout.locked(daemon.name):
        if not daemon.alive():
            programs(release)
            debian.install({"ip": "iproute2"})
            host.bridge(_bridge(release), f"{release.subnet}.0.1/24")
            daemon.start()
    return _private(daemon)


def _private(daemon: Daemon) -> Engine:
    return Engine(daemon.host, client(daemon.host, daemon.programs), private=True)


def _bridge(release: releases.Release) -> str:
    return f"migops-{release.name}"  # an interface's name has 15 characters at most


def _unpack(release: releases.Release, root: Path) -> None:
    for suite, packages in release.packages:
        debian.unpack(suite, packages, root)
    init = root / "usr/bin/docker-init"  # what `docker run --init` looks for
    if not init.exists():  # newer packages link it to /usr/bin, where nothing is installed
        init.unlink(missing_ok=True)
        init.symlink_to("tini-static")
    # docker and its plugins alone, for the PATH of tests; relative, as the folder is renamed when it is whole
    plugins = root / "client" / "cli-plugins"
    plugins.mkdir(parents=True)
    (root / "client" / "docker").symlink_to("../usr/bin/docker")
    (root / "client" / "config.json").write_text("{}\n")
    for plugin in ("docker-compose", "docker-buildx"):
        (plugins / plugin).symlink_to(f"../../usr/libexec/docker/cli-plugins/{plugin}")


def _answering() -> Engine | None:
    """The engine of DOCKER_HOST or the default socket, if one answers there."""
    named = os.environ.get("DOCKER_HOST", "")
    address = named or f"unix://{_DEFAULT_SOCKET}"
    if not _answers(address):
        if named and not _is_private(named):  # one of ours is simply started again
            raise EngineUnavailable(f"no engine answers at DOCKER_HOST={named}: start it, or unset DOCKER_HOST")
        return None
    changes = {key: os.environ[key] for key in (*_FOREIGN, "DOCKER_CONFIG", "PATH") if key in os.environ}
    engine = Engine(address, {**changes, "DOCKER_HOST": address, "DOCKER_BUILDKIT": "1"}, private=_is_private(address))
    return engine if _has_plugins(engine) else _with_our_client(engine)


def _answers(address: str) -> bool:
    if address.startswith("unix://"):
        return answers(address.removeprefix("unix://"))
    return run(["docker", "version"], check=False, timeout=20).returncode == 0


def _is_private(address: str) -> bool:
    return Path(address.removeprefix("unix://")).is_relative_to(layout.run())


def _has_plugins(engine: Engine) -> bool:
    if not shutil.which("docker", path=engine.env["PATH"]):
        return False
    wanted = (["docker", "compose", "version"], ["docker", "buildx", "version"])
    return all(run(command, check=False, timeout=20, env=engine.env).returncode == 0 for command in wanted)


def _with_our_client(engine: Engine) -> Engine:
    """The same engine with our docker, compose and buildx, where the machine has not all of the three."""
    debian.require()
    release = releases.release(releases.DEFAULT)
    with layout.locked(f"migops-{release.name}"):
        unpacked = programs(release)
    changes = {**engine.changes, **client(engine.host, unpacked)}
    return Engine(engine.host, changes, engine.private)


def describe(engine: Engine) -> dict[str, Any]:
    """What `docker version` and `docker info` say about *engine*, in short."""
    info = json.loads(engine.docker("info", "--format", "{{json .}}"))
    return {
        "host": engine.host,
        "version": info["ServerVersion"],
        "storage": info["Driver"],
        "compose": engine.docker("compose", "version", "--short").strip(),
        "private": engine.private,
    }
