"""The short form of a mount, ``[SOURCE:]TARGET[:OPTIONS]``. Source: compose-go's ``format`` package."""

from __future__ import annotations

from typing import Any

from migops.compose.tree import Mark, refuse

_PROPAGATIONS = ("rprivate", "private", "rshared", "shared", "rslave", "slave")


def parse_volume(spec: str, mark: Mark) -> dict[str, Any]:
    """The long form's entries, in compose's order. Only a source that starts with ``.``, ``/`` or ``~`` is a path."""
    if not spec:
        raise refuse("invalid empty volume spec", mark)
    if len(spec) <= 2:
        return {"type": "volume", "target": spec}
    fields = _fields(spec)
    if "" in fields:
        raise refuse(f"invalid spec: {spec}: empty section between colons", mark)
    if len(fields) > 3:
        raise refuse(f"invalid spec: {spec}: too many colons", mark)
    source, target = ("", fields[0]) if len(fields) == 1 else (fields[0], fields[1])
    return _long_form(source, target, fields[2].split(",") if len(fields) == 3 else [])


def _long_form(source: str, target: str, options: list[str]) -> dict[str, Any]:
    read_only = False
    bind: dict[str, Any] = {}
    volume: dict[str, Any] = {}
    for option in options:
        if option in ("ro", "rw"):
            read_only = option == "ro"
        elif option == "nocopy":
            volume = {"nocopy": True}
        elif option in _PROPAGATIONS:
            bind["propagation"] = option
        elif option in ("z", "Z"):
            bind["selinux"] = option
    is_path = is_file_path(source)
    made: dict[str, Any] = {"type": "bind" if is_path else "volume"}
    if source:
        made["source"] = source
    made["target"] = target
    if read_only:
        made["read_only"] = True
    if is_path:
        bind["create_host_path"] = True
    if bind:
        made["bind"] = bind
    if volume or not is_path:
        made["volume"] = volume
    return made


def _fields(spec: str) -> list[str]:
    """Split at colons, except after a Windows drive and inside ``${…}``."""
    fields = [""]
    depth = 0
    for index, character in enumerate(spec):
        if character == "$" and spec[index + 1 : index + 2] == "{":
            depth += 1
        elif character == "}" and depth:
            depth -= 1
        elif character == ":" and not (len(fields[-1]) == 1 and fields[-1].isalpha()) and not depth:
            fields.append("")
            continue
        fields[-1] += character
    return fields


def is_file_path(source: str) -> bool:
    """True if compose reads a short mount's source as a path rather than a volume's name."""
    if source.startswith((".", "/", "~", "\\\\")):
        return True
    return len(source) > 1 and source[0].isalpha() and source[1] == ":"


def is_windows_absolute(path: str) -> bool:
    """True if the path is absolute on Windows: a drive followed by a slash, or a share."""
    drive = len(path) > 2 and path[0].isascii() and path[0].isalpha() and path[1] == ":" and path[2] in "\\/"
    return drive or (len(path) > 2 and path[:2] in ("\\\\", "//") and path[2] not in "\\/.")
