"""The options that the commands share which build, back up and replace containers."""

from __future__ import annotations

import math

import click

from migops.cli.options import option


def _a_number(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    """Refuse ``nan``, which passes every range check."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("must be a number of seconds", context, parameter)
    return value


cache_option = option("--cache", is_flag=True, help="Build with the cache (default: build without it).")
room_option = option(
    "--room",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="FACTOR",
    help="Required free space for the backup, as a multiple of the database's size (0: do not check).",
)
health_option = option(
    "--health-timeout",
    type=click.FloatRange(min=1),
    default=120.0,
    show_default=True,
    help="Seconds to wait for the new containers to become healthy.",
)
watch_option = option(
    "--watch",
    type=click.FloatRange(min=0, max=86400),
    callback=_a_number,
    metavar="SECONDS",
    help="Seconds that new containers must stay up after they are healthy (or started, without a healthcheck); "
    "a restart triggers a rollback. Default: 30 without a healthcheck, otherwise 0.",
)
