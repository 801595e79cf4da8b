"""The sections of one ini that are histories of their own, as ``alembic --name SECTION`` selects them."""

from __future__ import annotations

import configparser

_LOCATIONS = ("script_location", "version_locations")
_NO_DEFAULT = "\0"  # so that [DEFAULT] is a section like all others, and gives no other one its options


def histories(text: str) -> tuple[str, ...]:
    """The sections that have scripts of their own, each history once, in the file's order.

    Sections that differ in other options only (a URL for each environment) are one history: that of ``[alembic]``.
    Empty if ``[alembic]`` is the only one, if no section can be preferred, and for a text that cannot be parsed.
    """
    parser = configparser.RawConfigParser(default_section=_NO_DEFAULT, strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return ()  # reported where the configuration is read
    common = dict(parser["DEFAULT"]) if parser.has_section("DEFAULT") else {}
    by_location: dict[tuple[str, ...], list[str]] = {}
    for section in parser.sections():
        own = parser[section]
        if section == "DEFAULT" or not (any(own.get(name) for name in _LOCATIONS) or _inherits(section, common)):
            continue
        key = tuple(own.get(name) or common.get(name, "") for name in _LOCATIONS)
        by_location.setdefault(key, []).append(section)
    if len(by_location) == 1:
        names = next(iter(by_location.values()))
        return tuple(names) if len(names) == 1 and names != ["alembic"] else ()
    return tuple("alembic" if "alembic" in names else names[0] for names in by_location.values())


def _inherits(section: str, common: dict[str, str]) -> bool:
    return section == "alembic" and bool(common.get("script_location"))
