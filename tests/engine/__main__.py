"""`python -m tests.engine up|env|status|down|reset [--engine VERSION]`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys

from tests.engine import engine, releases
from tests.engine.errors import EngineUnavailable


def main(arguments: list[str]) -> int:
    """Run one command; exit code 1 and the reason on stderr when there is no engine to be had."""
    parser = argparse.ArgumentParser(prog="python -m tests.engine", description="A real Docker Engine for the tests.")
    parser.add_argument("command", choices=["up", "env", "status", "down", "reset"])
    parser.add_argument(
        "--engine", choices=list(releases.RELEASES), default=os.environ.get("MIGOPS_TEST_ENGINE") or None
    )
    options = parser.parse_args(arguments)
    try:
        return _run(options.command, options.engine)
    except EngineUnavailable as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _run(command: str, version: str | None) -> int:
    if command == "up":
        _print_status(engine.up(version))
    elif command == "down":
        ran = engine.stop(version or releases.DEFAULT)
        print("stopped" if ran else "no private engine was running")
    elif command == "reset":
        engine.reset(version or releases.DEFAULT)
    else:
        found = engine.running(version)
        if found is None:
            raise EngineUnavailable("no engine is running: `python -m tests.engine up` starts one")
        if command == "env":
            for key, value in found.changes.items():
                print(f"export {key}={shlex.quote(value)}")
        else:
            _print_status(found)
    return 0


def _print_status(found: engine.Engine) -> None:
    for key, value in engine.describe(found).items():
        print(f"{key}: {value}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
