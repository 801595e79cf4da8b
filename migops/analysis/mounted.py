"""How a container sees its migrations: through bind mounts of the host, from the image, or partly so."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from migops.core.text import counted, listed
from migops.sources.container_model import Container
from migops.sources.mounts import Mount


def through(container: Container) -> tuple[str, ...]:
    """The bind mounts through which the container reads all its scripts, as ``SOURCE → TARGET``; empty if it reads
    some from elsewhere."""
    if not container.is_bound or container.migrations is None:
        return ()
    return tuple(_shown(_mounts(container, container.migrations.location)))


def partly(container: Container) -> str:
    """A sentence about migrations that come from different places: the host, a volume and the image; else empty."""
    return "; ".join((*_folders(container), *_scripts(container), *_environment(container)))


def _folders(container: Container) -> Iterator[str]:
    """Versions folders that do not come from where the others do: only what is not the usual case is said."""
    held = container.migrations
    if held is None or container.is_bound:
        return
    covers = {folder: container.cover(folder) for folder in held.location}
    for folder, cover in covers.items():
        if cover is not None and cover.type != "tmpfs":
            yield f"{folder} is {_what(cover)}"
    bare = [folder for folder, cover in covers.items() if cover is None]
    if bare and any(covers.values()):
        yield f"{listed(bare)} {'is' if len(bare) == 1 else 'are'} the image's"


def _scripts(container: Container) -> Iterator[str]:
    """Scripts that are mounted on their own, over a folder that comes from elsewhere."""
    held = container.migrations
    if held is None:
        return
    folders = {container.cover(folder) for folder in held.location}
    own = [file.path for file in held.scripts.values() if container.cover(file.path) not in folders]
    if own:
        mounts = listed(_shown(_mounts(container, own)))
        yield f"{counted(len(own), 'script')} mounted on {'its' if len(own) == 1 else 'their'} own ({mounts})"


def _environment(container: Container) -> Iterator[str]:
    """env.py, if it comes from the host and the scripts do not, or the other way round."""
    held = container.migrations
    files = held.environment.values() if held else ()
    env = next((each for each in files if posixpath.basename(each.path) == "env.py"), None)
    if held is None or env is None:
        return
    cover = container.cover(env.path)
    if container.is_bound and cover is None:
        yield f"only the scripts are mounted: {env.path} is the image's"
    elif cover is not None and cover.type == "bind" and not container.is_bound:
        yield f"{env.path} is {_what(cover)}"
        if not any(container.cover(folder) for folder in held.location):
            yield "the scripts are the image's"


def _mounts(container: Container, paths: Iterable[str]) -> list[Mount]:
    return list(dict.fromkeys(cover for path in paths if (cover := container.cover(path)) is not None))


def _shown(mounts: Iterable[Mount]) -> list[str]:
    return [f"{mount.source} → {mount.target}" for mount in mounts]


def _what(mount: Mount) -> str:
    if mount.type == "bind":
        return f"mounted from the host ({mount.source} → {mount.target})"
    name = "an anonymous volume" if mount.is_anonymous else f"the volume {mount.source}"
    return f"{name}'s (→ {mount.target}), not the image's"
