"""Steps to change a password without locking any service out: in every file that contains it, and on the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from migops.core.model import Remedy
from migops.core.printed import Commands, explain
from migops.core.text import listed

if TYPE_CHECKING:
    from migops.compose import Service
    from migops.sources.passwords import Written


def stands(places: Sequence[Written]) -> str:
    """The files and lines that contain the password, as a sentence; empty if none are known."""
    return f"set in {listed([f'{each.at} ({each.variable or each.what})' for each in places])}" if places else ""


def change(commands: Commands, server: Service, name: str, places: Sequence[Written]) -> tuple[Remedy, ...]:
    """Steps to change a password everywhere at once: a service that keeps the old one is locked out."""
    steps = [Remedy("choose a new password of letters and digits, and set it in each of these places:")]
    for place in places:
        if place.variable:
            steps.append(Remedy(f"{place.at}: {place.variable}=…{' (in the URL)' if place.in_url else ''}"))
        elif place.services:
            where = f"in the URL of {place.what}, in place of the password" if place.in_url else f"as {place.what}"
            steps.append(Remedy(f"{place.at}: write ${{{name}:?}} {where}, and set {name}=… in .env"))
        else:
            steps.append(Remedy(f"{place.at}: the password in {place.what} (or remove it: see `{explain('MIG503')}`)"))
    user, database = server.environment.get("POSTGRES_USER") or "postgres", server.environment.get("POSTGRES_DB")
    compose = commands.compose
    if compose and "POSTGRES" in name and not server.unread.might_set("POSTGRES_USER"):
        ask = ("exec", server.name, "psql", "-U", user, "-d", database or user, "-c", f'\\password "{user}"')
        steps.append(
            Remedy(
                "if the server already has data, set the same password there (psql prompts for it)", (*compose, *ask)
            )
        )
    else:
        steps.append(Remedy("if the server already has data, change it there too: ALTER USER … IDENTIFIED BY …"))
    services = [server.name, *(service for place in places for service in place.services)]
    if compose:
        again = (*compose, "up", "-d", *dict.fromkeys(services))
        steps.append(Remedy("right after that, restart the services with the new password", again))
    return tuple(steps)
