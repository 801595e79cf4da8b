"""The files of an image as a tree, layer by layer."""

from __future__ import annotations

import posixpath
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from migops.core.model import Entry, EntryKind, Unknown
from migops.core.terminal import printable
from migops.core.text import counted
from migops.images.image import Layer

if TYPE_CHECKING:
    from migops.commands.layers import LayersResult
    from migops.output import View

WIDEST = 110  # columns; wider lines would only part names from sizes
SHOWN = 40  # files of one layer in the text; JSON has all
DEEPEST = 24  # levels of the tree; what is below is written as a path


def render(result: LayersResult, view: View) -> str:
    """The steps from first to last; below each its files, as a tree."""
    files, layer_of = result.files, result.attribution.layer_of
    width = min(view.width, WIDEST)
    by_layer: dict[int, list[str]] = {}
    for name in files:
        layer = layer_of[name]
        by_layer.setdefault(layer.index if isinstance(layer, Layer) else -1, []).append(name)
    root = result.path if result.path not in files else posixpath.dirname(result.path)
    lines = list(_head(result, len(files), sum(index >= 0 for index in by_layer), width))
    for step in _folded(result.attribution.layers, by_layer):
        if isinstance(step, str):
            lines.append(_fit(step, width))
        else:
            names = by_layer.get(step.index, ())
            lines += [_title(step, width), *_tree(root, files, names, width, view.verbose)]
    if unknown := by_layer.get(-1):
        reasons = sorted({_reason(layer_of[name]) for name in unknown})
        lines += ["layer unknown: " + printable("; ".join(reasons)), *_tree(root, files, unknown, width, view.verbose)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _reason(layer: Layer | Unknown) -> str:
    return layer.reason if isinstance(layer, Unknown) else ""


def _head(result: LayersResult, count: int, layers: int, width: int) -> Iterator[str]:
    image, base = result.image, result.attribution.base
    built = f"  created {image.created:%Y-%m-%d %H:%M} UTC" if image.created else ""
    yield f"{printable(image.ref)}  {image.id[:19]}{built}"
    total = sum(not layer.empty for layer in result.attribution.layers)
    files, of_layers = counted(count, "file", grouped=True), counted(total, "layer", grouped=True)
    yield f"{files} at {printable(result.path)}, from {layers} of {of_layers}"
    if base.evidence:
        which = f"steps 0 to {base.steps - 1}" if base.steps else "not known"
        yield from textwrap.wrap(f"base: {which}; {printable(base.evidence)}", width, subsequent_indent="      ")
    yield ""


def _folded(layers: Sequence[Layer], by_layer: Mapping[int, object]) -> Iterator[Layer | str]:
    """The steps to show; those of the base that left none of the files are folded into one line."""
    for dull, group in groupby(layers, key=lambda layer: layer.base is True and layer.index not in by_layer):
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
        yield f"       … {counted(len(names) - len(shown), 'more file', grouped=True)} (-v shows them)"


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
