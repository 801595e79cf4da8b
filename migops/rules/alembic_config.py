"""MIG5: what is wrong with Alembic's configuration, in each place that was read."""

from __future__ import annotations

from collections.abc import Iterator

from migops.evidence import Evidence
from migops.model import PlaceName, Severity
from migops.rules.problems import problems
from migops.rules.rule import Hit, Rule


def ini_interpolation(evidence: Evidence) -> Iterator[Hit]:
    """A value of alembic.ini has a `%` that is not doubled.

    What: `alembic heads` works, and `current`, `upgrade` and all that reads the settings die with
    InterpolationSyntaxError. Typical are `version_num_format = %04d` and a password with `%` in `sqlalchemy.url`.

    Why: the file is read with interpolation: `%` begins a reference to another option.

    Fix: write `%%`. (`version_num_format` itself has no effect in Alembic: numbered files come from `file_template`
    and `--rev-id`.)
    """
    yield from problems(evidence, "MIG501")


def script_location_missing(evidence: Evidence) -> Iterator[Hit]:
    """The configuration does not lead to a folder of scripts.

    What: Alembic stops with "No 'script_location' key found", or finds no scripts.

    Why: another section or file has the setting, a separator is misread, or the folder is not where it says.

    Fix: mend `script_location` or `version_locations`, or name the section with `x-migops: {name: …}`.
    """
    # Where only a later place lacks the folder, MIG004 and MIG104 say why it did not get there.
    yield from (hit for hit in problems(evidence, "MIG502") if PlaceName.HOST.value in hit.facts["places"])


RULES = (
    Rule("MIG501", "ini-interpolation", Severity.ERROR, (), ini_interpolation),
    Rule("MIG502", "script-location-missing", Severity.ERROR, (), script_location_missing),
)
