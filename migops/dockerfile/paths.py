"""POSIX paths of a build as text, absolute and relative; never paths of the host."""

from __future__ import annotations


def clean(path: str) -> str:
    """``path`` without ``.``, ``..`` and double slashes, as Go's filepath.Clean: "" becomes ".", ``//a`` ``/a``."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", ".") and not (part == ".." and path.startswith("/")):
            parts.append(part)
    joined = "/".join(parts)
    return "/" + joined if path.startswith("/") else joined or "."


def join(folder: str, name: str) -> str:
    """``name`` inside ``folder``; the folder itself for an empty name."""
    return f"{folder.rstrip('/')}/{name}" if name else folder


def below(path: str, folder: str) -> str | None:
    """``path`` relative to ``folder`` ("" for the folder itself); None if it is outside."""
    if path == folder:
        return ""
    prefix = folder.rstrip("/") + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def related(one: str, other: str) -> bool:
    """True if one of two paths equals or contains the other."""
    return below(one, other) is not None or below(other, one) is not None
