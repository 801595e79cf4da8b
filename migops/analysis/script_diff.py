"""How two copies of a script differ: in content, or only in formatting by editors, git and file systems."""

from __future__ import annotations

import unicodedata

from migops.analysis.chain import revision_ids
from migops.core.model import MigrationSet

BOM = b"\xef\xbb\xbf"


def content_difference(left: bytes, right: bytes) -> str:
    """``same``, ``bom``, ``line-ends``, ``whitespace`` (at line ends, or empty lines at the end) or ``content``.

    White space within a line is Python's grammar: it is content.
    """
    if left == right:
        return "same"
    left, right = left.removeprefix(BOM), right.removeprefix(BOM)
    if left == right:
        return "bom"
    left, right = _unix(left), _unix(right)
    if left == right:
        return "line-ends"
    return "whitespace" if _trimmed(left) == _trimmed(right) else "content"


def name_difference(left: str, right: str) -> str:
    """``same``, ``unicode-form`` (NFC against NFD), ``letter-case`` or ``renamed``."""
    if left == right:
        return "same"
    left, right = (unicodedata.normalize("NFC", name) for name in (left, right))
    if left == right:
        return "unicode-form"
    return "letter-case" if left.casefold() == right.casefold() else "renamed"


def renamed(host: MigrationSet, image: MigrationSet) -> dict[str, str]:
    """Scripts with the same revision id under two names: the image's name → the host's."""
    ours = {id_: name for name, id_ in revision_ids(host).items() if name not in image.scripts}
    theirs = {id_: name for name, id_ in revision_ids(image).items() if name not in host.scripts}
    return {theirs[id_]: ours[id_] for id_ in ours.keys() & theirs.keys()}


def in_substance(host: MigrationSet, image: MigrationSet) -> set[str]:
    """The scripts of the image that the host lacks or has with different content; formatting does not count."""
    pairs = {name: name for name in host.scripts.keys() & image.scripts.keys()} | renamed(host, image)
    same = {
        theirs
        for theirs, ours in pairs.items()
        if content_difference(host.scripts[ours].content, image.scripts[theirs].content) != "content"
    }
    return image.scripts.keys() - same


def _unix(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _trimmed(text: bytes) -> list[bytes]:
    return [line.rstrip() for line in text.rstrip().split(b"\n")]
