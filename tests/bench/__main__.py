"""``make bench``: every promise about speed, measured in one run beside what a user would run instead.

Figures are medians of whole processes. It reports; it never fails: a shared machine is too noisy for that.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.bench import adopt, alembic, check_image, compose, deploy, layers, status
from tests.engine import engine

PARTS = {
    "check-image": check_image.rows,
    "layers": layers.rows,
    "status": status.rows,
    "alembic": alembic.rows,
    "adopt": adopt.rows,
    "deploy": deploy.rows,
    "config": compose.rows,
}


def main(wanted: list[str]) -> int:
    found = engine.up()
    print(f"engine {found.version}; medians of whole processes, in turns")
    for name, rows in PARTS.items():
        if not wanted or name in wanted:
            print(f"\n{name:<58} {'ours':>11} {'theirs':>11}  {'ratio':>8}")
            with tempfile.TemporaryDirectory(prefix="migops-bench-") as folder:
                for row in rows(found, Path(folder)):
                    print(row.text(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
