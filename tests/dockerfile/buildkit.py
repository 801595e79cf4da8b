"""BuildKit as the judge: many small cases in one build, each read back as a listing to hold ours against."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from migops.core.model import EntryKind
from migops.dockerfile.trace import BuildView, trace

Listing = Mapping[str, str]
"""Image path to a file's content, or to "-> target" for a link."""

Environment = Mapping[str, str]
"""The environment variables that lead the docker CLI to an engine."""


class BuildFailedError(Exception):
    """BuildKit refused; the text is what it said."""


@dataclass(frozen=True)
class Case:
    """A stage's instructions below ``FROM scratch``, on the context that all cases of a batch share."""

    instructions: str

    @property
    def dockerfile(self) -> str:
        return f"FROM scratch\n{self.instructions}\n"


def make_tree(root: Path, files: Mapping[str, str]) -> None:
    """Files by path: a name that ends in "/" is an empty folder, a content "-> x" a link to x."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        elif content.startswith("-> "):
            path.symlink_to(content.removeprefix("-> "))
        else:
            path.write_text(content)


def listing(root: Path) -> Listing:
    """What a folder holds, as a build exported it."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in files + [one for one in folders if (Path(folder) / one).is_symlink()]:
            path = Path(folder) / name
            found["/" + path.relative_to(root).as_posix()] = _text(path)
    return found


def predicted(view: BuildView, folder: str = "/") -> Listing:
    """What we say that the build puts there."""
    found = {}
    for one in view.files_under(folder):
        if one.kind is EntryKind.SYMLINK:
            found[one.image_path] = f"-> {one.target}"
        else:
            found[one.image_path] = one.content.decode() if one.host_path is None else _text(one.host_path)
    return found


def our_view(context: Path, case: Case) -> BuildView:
    """Our reading of one case alone."""
    path = context.parent / f"{context.name}.Dockerfile"
    path.write_bytes(case.dockerfile.encode())
    view = trace(path, context)
    assert isinstance(view, BuildView)
    return view


def build(env: Environment, context: Path, dockerfile: str, out: Path, *options: str) -> Listing:
    """One build to a folder. Raises BuildFailedError with BuildKit's own words."""
    path = context.parent / f"{context.name}.build.Dockerfile"
    path.write_bytes(dockerfile.encode())
    command = [
        "docker",
        "buildx",
        "build",
        "-f",
        str(path),
        "--output",
        f"type=local,dest={out}",
        *options,
        str(context),
    ]
    done = subprocess.run(command, env=dict(env), capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise BuildFailedError(done.stderr[-2000:])
    return listing(out)


def build_all(env: Environment, context: Path, cases: Sequence[Case], out: Path) -> list[Listing]:
    """All cases in one build: a stage each, gathered by a last one."""
    stages = [f"FROM scratch AS c{i}\n{case.instructions}" for i, case in enumerate(cases)]
    gather = [f"COPY --from=c{i} / /c{i}/" for i in range(len(cases))]
    everything = build(env, context, "\n".join([*stages, "FROM scratch", *gather, ""]), out)
    return [_below(everything, f"/c{i}") for i in range(len(cases))]


def build_contexts(env: Environment, contexts: Sequence[Path], out: Path) -> list[Listing]:
    """``COPY . /`` of many contexts in one build, each under its own ignore file (as named contexts)."""
    empty = out.parent / f"{out.name}.empty"
    empty.mkdir()
    named = [option for i, one in enumerate(contexts) for option in ("--build-context", f"x{i}={one}")]
    copies = "\n".join(f"COPY --from=x{i} . /c{i}/" for i in range(len(contexts)))
    everything = build(env, empty, f"FROM scratch\n{copies}\n", out, *named)
    return [_below(everything, f"/c{i}") for i in range(len(contexts))]


def _below(everything: Listing, folder: str) -> Listing:
    return {path[len(folder) :]: text for path, text in everything.items() if path.startswith(folder + "/")}


def _text(path: Path) -> str:
    return f"-> {path.readlink()}" if path.is_symlink() else path.read_bytes().decode()
