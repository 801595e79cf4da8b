"""``migops layers`` as JSON, and as a tree by layer for a person to look at."""

from __future__ import annotations

import json
import posixpath
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from migops.core.model import Entry, EntryKind, ImageIdentity, Unknown
from migops.core.redaction import redact
from migops.core.terminal import printable
from migops.images.image import Layer
from migops.images.layers import Attribution

SHOWN = 40  # files of one layer in the text; JSON has all
DEEPEST = 24  # levels of the tree; what is below is written as a path


def render_json(image: ImageIdentity, found: Attribution) -> str:
    """The written contract. ``layer`` is the ``index`` of the layer; null with a ``reason`` where it is not known."""
    document = {
        "schema": 1,
        "image": {"ref": image.ref, "id": image.id, "created": _time(image.created)},
        "layers": [
            {
                "index": layer.index,
                "diff_id": layer.diff_id or None,
                "created": _time(layer.created),
                "created_by": redact(layer.created_by),
                "empty": layer.empty,
                "base": layer.base,
            }
            for layer in found.layers
        ],
        "base": {"image": found.base.image or None, "evidence": found.base.evidence},
        "files": [_file(path, entry, found.layer_of[path]) for path, entry in sorted(_files(found).items())],
    }
    return json.dumps(document, indent=2) + "\n"


def render_text(
    image: ImageIdentity, found: Attribution, path: str, *, width: int = 80, everything: bool = False
) -> str:
    """The steps from first to last; below each the files that are its, as a tree."""
    files = _files(found)
    held: dict[int, list[str]] = {}
    for name in files:
        layer = found.layer_of[name]
        held.setdefault(layer.index if isinstance(layer, Layer) else -1, []).append(name)
    lines = list(_head(image, found, path, len(files), len([index for index in held if index >= 0]), width))
    root = path if path not in files else posixpath.dirname(path)
    for step in _folded(found.layers, held):
        if isinstance(step, str):
            lines.append(_fit(step, width))
        else:
            lines += [_title(step, width), *_tree(root, files, held.get(step.index, ()), width, everything)]
    if unknown := held.get(-1):
        reasons = sorted({_reason(found.layer_of[name]) for name in unknown})
        lines += ["layer unknown: " + printable("; ".join(reasons)), *_tree(root, files, unknown, width, everything)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _files(found: Attribution) -> dict[str, Entry]:
    return {path: entry for path, entry in found.files.items() if entry.kind is not EntryKind.DIRECTORY}


def _file(path: str, entry: Entry, layer: Layer | Unknown) -> dict[str, object]:
    item: dict[str, object] = {
        "path": path,
        "layer": layer.index if isinstance(layer, Layer) else None,
        "size": entry.size,
        "sha256": entry.sha256 or None,
    }
    return item | ({"reason": layer.reason} if isinstance(layer, Unknown) else {})


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _reason(layer: Layer | Unknown) -> str:
    return layer.reason if isinstance(layer, Unknown) else ""


def _head(image: ImageIdentity, found: Attribution, path: str, count: int, layers: int, width: int) -> Iterator[str]:
    built = f"  created {image.created:%Y-%m-%d %H:%M} UTC" if image.created else ""
    yield f"{printable(image.ref)}  {image.id[:19]}{built}"
    total = sum(not layer.empty for layer in found.layers)
    yield f"{_count(count, 'file')} at {printable(path)}, from {layers} of {_count(total, 'layer')}"
    if found.base.evidence:
        which = f"steps 0 to {found.base.steps - 1}" if found.base.steps else "not known"
        yield from textwrap.wrap(f"base: {which}; {printable(found.base.evidence)}", width, subsequent_indent="      ")
    yield ""


def _folded(layers: Sequence[Layer], held: Mapping[int, object]) -> Iterator[Layer | str]:
    """The steps to show: those of the base that left none of the files are not worth more than one line in a row."""
    for dull, group in groupby(layers, key=lambda layer: layer.base is True and layer.index not in held):
        steps = list(group)
        if dull and len(steps) > 1:
            span = f"{steps[0].index}-{steps[-1].index}"
            yield f"{span:>5}  base  {len(steps)} steps without any of these files"
        else:
            yield from steps


def _title(layer: Layer, width: int) -> str:
    mark = "base" if layer.base else "    "
    date = f"{layer.created:%Y-%m-%d %H:%M}" if layer.created else " " * 16
    words = " ".join(printable(layer.instruction).split()) or f"({printable(layer.comment) or 'no instruction'})"
    return _fit(f"{layer.index:>5}  {mark}  {date}  {words}", width)


@dataclass(slots=True)
class _Node:
    """A folder of the tree, or a file (with its entry)."""

    entry: Entry | None = None
    below: dict[str, _Node] = field(default_factory=dict)


def _tree(root: str, files: Mapping[str, Entry], names: Sequence[str], width: int, everything: bool) -> Iterator[str]:
    """The files as a tree, folders with a single folder in them folded into one line."""
    shown = sorted(names) if everything else sorted(names)[:SHOWN]
    top = _Node()
    for name in shown:
        node = top
        for part in posixpath.relpath(name, root).split("/", DEEPEST):
            node = node.below.setdefault(part, _Node())
        node.entry = files[name]
    yield from _branch(top, "       ", width)
    if len(names) > len(shown):
        yield f"       … {_count(len(names) - len(shown), 'more file')} (-v shows them)"


def _branch(node: _Node, indent: str, width: int) -> Iterator[str]:
    last = len(node.below) - 1
    for number, (name, child) in enumerate(node.below.items()):
        path = name
        while child.entry is None and len(child.below) == 1:
            ((inner, child),) = child.below.items()
            path = f"{path}/{inner}"
        twig = "└─ " if number == last else "├─ "
        if child.entry is not None:
            yield _leaf(indent + twig + printable(path), child.entry, width)
        else:
            yield _fit(f"{indent}{twig}{printable(path)}/", width)
            yield from _branch(child, indent + ("   " if number == last else "│  "), width)


def _leaf(line: str, entry: Entry, width: int) -> str:
    if entry.kind is EntryKind.SYMLINK:
        return _fit(f"{line} -> {printable(entry.target)}", width)
    note = _size(entry.size) if entry.kind is EntryKind.FILE else "special"
    room = width - len(note) - 2
    return f"{_fit(line, room):<{room}}  {note}"


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 1)] + "…"


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
