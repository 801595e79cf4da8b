"""How a password is changed without locking anybody out: in every place in which it stands, and on the server."""

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
    """The places in which the password stands, as a sentence."""
    return f"it is set in {listed([f'{each.at} ({each.variable or each.what})' for each in places])}" if places else ""


def change(commands: Commands, server: Service, name: str, places: Sequence[Written]) -> tuple[Remedy, ...]:
    """Change a password everywhere at once: a service that keeps the old one is locked out."""
    steps = [Remedy("choose a new password of letters and digits, and write it in every one of these places:")]
    for each in places:
        if each.variable:
            steps.append(Remedy(f"{each.at}: {each.variable}=…{' (inside of the URL)' if each.in_url else ''}"))
        elif each.services:
            where = f"in the URL of {each.what}, in place of the password" if each.in_url else f"as {each.what}"
            steps.append(Remedy(f"{each.at}: write ${{{name}:?}} {where}, and set {name}=… in .env"))
        else:
            steps.append(
                Remedy(f"{each.at}: the password in {each.what} (or take it out, as `{explain('MIG503')}` says)")
            )
    user, database = server.environment.get("POSTGRES_USER") or "postgres", server.environment.get("POSTGRES_DB")
    compose = commands.compose
    if compose and "POSTGRES" in name:
        ask = ("exec", server.name, "psql", "-U", user, "-d", database or user, "-c", f'\\password "{user}"')
        steps.append(
            Remedy("on a server that has data, set the same password there (it asks for it)", (*compose, *ask))
        )
    else:
        steps.append(Remedy("on a server that has data, change it there too: ALTER USER … IDENTIFIED BY …"))
    services = [server.name, *(service for each in places for service in each.services)]
    if compose:
        again = (*compose, "up", "-d", *dict.fromkeys(services))
        steps.append(Remedy("right after that, give the services the new one", again))
    return tuple(steps)
