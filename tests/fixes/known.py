"""Where else the fix of a rule is shown as printed, and which rules print no command at all."""

from __future__ import annotations

ELSEWHERE = {
    "MIG004": "tests/examples/test_check_image.py::test_dockerignored",
    "MIG102": "tests/examples/test_build.py::test_uncacheable_source",
    "MIG103": "tests/examples/test_build.py::test_stale_base",
    "MIG105": "tests/examples/test_build.py::test_an_edit_of_the_same_size_and_date",
    "MIG202": "tests/examples/test_containers.py::test_named_volume",
    "MIG203": "tests/examples/test_containers.py::test_anonymous_volume",
    "MIG204": "tests/examples/test_containers.py::test_old_container",
    "MIG205": "tests/examples/test_containers.py::test_trapped_revision",
    "MIG212": "tests/fixes/test_stopped.py::test_what_does_not_stay_up_and_how_it_is_fixed",
    "MIG805": "tests/fixes/test_stopped.py::test_what_does_not_stay_up_and_how_it_is_fixed",
    "MIG806": "tests/fixes/test_stopped.py::test_what_does_not_stay_up_and_how_it_is_fixed",
    "MIG409": "tests/fixes/test_fixes.py::test_a_start_that_stamps_hides_a_migration",
    "MIG309": "tests/journeys/test_on_engine.py::first_revision_alters",
    "MIG401": "tests/examples/test_status.py::test_no_version_table",
    "MIG402": "tests/examples/test_status.py::test_pending_is_what_alembic_then_runs",
    "MIG407": "tests/fixes/test_fixes.py::test_a_start_that_stamps_hides_a_migration",
    "MIG406": "tests/examples/test_status.py::test_diverged",
}
"""Rules whose fix is typed as printed, on a real engine, by an example's own test."""

IN_WORDS = {
    "MIG201": "which mount is meant only the compose file's owner knows",
    "MIG210": "the same, before the container is created",
    "MIG211": "which of two configurations counts is a choice",
    "MIG405": "the rows go by hand after a backup: a wrong stamp makes later upgrades skip changes",
    "MIG408": "the edit of env.py depends on how the schema's name is made there",
    "MIG807": "whether the mount is meant for all services or for none is a choice",
    "MIG808": "an edit, which tests/fix_compose makes",
    "MIG809": "an edit, which tests/fix_compose makes",
    "MIG505": "the setting's new name, and that it is replaced",
}
"""Rules whose fix is in words alone, each with the reason."""

NOT_YET = {
    "MIG206": "a build and an `up` of another service",
    "MIG207": "chown, as root",
    "MIG208": "an `up` with --force-recreate",
    "MIG802": "the question of psql for the new password",
}
"""Rules that print commands which no test types as printed so far."""
