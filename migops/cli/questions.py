"""What the commands ask and say on standard error, so that standard output has only the answer."""

from __future__ import annotations

import click


def say(line: str) -> None:
    """Print a line of migops."""
    from migops.core.terminal import printable

    click.echo(f"migops: {printable(line)}", err=True)


def typed(question: str) -> str:
    """What is typed; '' for an empty line. Ctrl-C and the end of the input raise ``KeyboardInterrupt``."""
    try:
        return str(click.prompt(question, default="", show_default=False, err=True))
    except click.Abort:
        raise KeyboardInterrupt from None


def agreed(question: str) -> bool:
    """True for a yes. Ctrl-C and the end of the input raise ``KeyboardInterrupt``."""
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        raise KeyboardInterrupt from None
