"""The plan of doctor: which step comes first, what is folded under it, what is added, and what to do now."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from migops.commands.plan import make
from migops.core.model import Action, Finding, Location, Remedy, Severity
from tests.plan import made
from tests.plan.made import (
    ADOPT,
    AROUND,
    BUILD,
    COMMIT,
    DEPLOY,
    EDIT,
    MERGE,
    OR,
    RESCUE,
    SEARCH,
    START,
    UP,
    UPGRADE,
    done,
    finding,
    plan,
    warning,
)

STILL = replace(AROUND, is_running=False, in_image=lambda file: False, commit=lambda files: None)
"""Nothing runs, and nothing is to be committed or built for an edit."""

MESS = (
    finding("MIG001", BUILD),
    finding("MIG101", BUILD),
    finding("MIG301", BUILD),
    finding("MIG401", ADOPT),
    finding("MIG501", EDIT),
    warning("MIG802", Remedy("choose a new password")),
)


@pytest.mark.parametrize("findings", list(permutations(MESS))[::60])
def test_the_full_mess_is_five_steps_in_any_order_of_findings(findings: tuple[Finding, ...]) -> None:
    found = plan(*findings)
    assert [step.command or step.why for step in found.steps] == [
        "delete the line", COMMIT, BUILD.command, ADOPT.command, DEPLOY,
    ]  # fmt: skip
    assert [step.rules for step in found.steps] == [
        ("MIG501",), (), ("MIG001", "MIG101", "MIG301"), ("MIG401",), (),
    ]  # fmt: skip
    assert [each.rule for each in found.left] == ["MIG802"]


def test_every_finding_is_told_once() -> None:
    found = plan(*MESS, finding("MIG999"), warning("MIG402", UPGRADE))
    told = [*(each for step in found.steps for each in step.findings), *found.left, *found.unplanned]
    assert sorted(each.rule for each in told) == sorted([each.rule for each in MESS] + ["MIG999", "MIG402"])


def test_an_old_container_alone_is_recreated_and_pending_revisions_alone_are_applied() -> None:
    assert done(finding("MIG204", UP)) == [UP.command]
    assert done(warning("MIG402", UPGRADE)) == [UPGRADE.command]


def test_both_are_one_deploy() -> None:
    found = plan(finding("MIG204", UP), warning("MIG402", UPGRADE))
    assert [(step.command, step.rules) for step in found.steps] == [(DEPLOY, ("MIG204", "MIG402"))]


def test_where_no_deploy_can_work_the_rules_own_commands_stay_in_order() -> None:
    around = replace(AROUND, deploy=())
    findings = (warning("MIG402", UPGRADE), finding("MIG204", UP), finding("MIG101", BUILD))
    assert done(*findings, around=around) == [BUILD.command, UPGRADE.command, UP.command]


def test_a_built_image_is_taken_into_use_only_where_something_runs() -> None:
    assert done(finding("MIG101", BUILD)) == [BUILD.command, DEPLOY]
    assert done(finding("MIG101", BUILD), around=replace(AROUND, deploy=())) == [BUILD.command, UP.command]
    assert done(finding("MIG101", BUILD), around=STILL) == [BUILD.command]


def test_an_edit_of_a_file_that_is_not_in_the_image_needs_no_build() -> None:
    assert done(finding("MIG501", EDIT), around=STILL) == ["delete the line"]
    assert done(finding("MIG501", EDIT)) == ["delete the line", COMMIT, BUILD.command, DEPLOY]


def test_a_server_is_started_before_what_needs_it_and_after_nothing_else() -> None:
    assert done(finding("MIG401", ADOPT), finding("MIG805", START)) == [START.command, ADOPT.command, DEPLOY]


def test_what_would_be_lost_is_saved_first() -> None:
    found = done(finding("MIG101", BUILD), finding("MIG205", RESCUE, BUILD, UP))
    assert found == [RESCUE.command, BUILD.command, DEPLOY]


def test_files_come_from_git_before_the_build() -> None:
    assert done(finding("MIG101", BUILD), finding("MIG403", made.PULL, BUILD))[:2] == [
        made.PULL.command, BUILD.command,
    ]  # fmt: skip


def test_what_is_done_by_hand_is_listed_once_even_before_and_after_a_new_revision() -> None:
    settle = Remedy("first settle 010.py")
    assert done(finding("MIG301", settle, MERGE, settle), around=STILL) == [settle.why, MERGE.command]


def test_a_merge_is_built_once_more_after_it_was_written() -> None:
    found = plan(finding("MIG101", BUILD), finding("MIG301", MERGE, BUILD, OR))
    assert [step.command for step in found.steps] == [BUILD.command, MERGE.command, BUILD.command, DEPLOY]
    assert [step.is_choice for step in found.steps] == [False, True, False, False]


def test_a_revision_that_the_plan_writes_is_committed_before_it_is_built() -> None:
    found = plan(finding("MIG301", MERGE, BUILD), around=replace(STILL, has_git=True))
    assert [step.action for step in found.steps] == [Action.REVISION, Action.COMMIT, Action.BUILD]
    assert found.steps[1].command == ()
    both = plan(finding("MIG501", EDIT), finding("MIG301", MERGE, BUILD), around=replace(AROUND, has_git=True))
    assert [step.action for step in both.steps] == [
        Action.EDIT, Action.COMMIT, Action.REVISION, Action.COMMIT, Action.BUILD, Action.DEPLOY,
    ]  # fmt: skip


def test_alternatives_are_no_steps_and_stay_choices() -> None:
    found = plan(finding("MIG301", MERGE, BUILD, OR), around=STILL)
    assert [step.command for step in found.steps] == [MERGE.command, BUILD.command]
    assert found.next_command == AROUND.verbose
    assert "choice" in found.next_text


def test_a_finding_that_waits_for_another_is_folded_under_it() -> None:
    waits = Remedy("goes away with the MIG2 finding above", after=("MIG2",))
    found = plan(finding("MIG204", UP), finding("MIG301", waits))
    assert [step.rules for step in found.steps] == [("MIG204", "MIG301")]


def test_a_finding_that_waits_for_one_that_is_not_there_is_told_all_the_same() -> None:
    found = plan(finding("MIG301", Remedy("fix MIG2 first", after=("MIG2",))))
    assert (found.steps, [each.rule for each in found.unplanned]) == ((), ["MIG301"])


def test_an_upgrade_that_waits_comes_after_all_of_the_other_fix() -> None:
    waits = Remedy("`upgrade head` refuses with several heads", after=("MIG301",))
    around = replace(AROUND, deploy=())
    found = done(warning("MIG402", waits, UPGRADE), finding("MIG301", MERGE, BUILD), around=around)
    assert found == [MERGE.command, BUILD.command, UPGRADE.command, UP.command]


def test_contradicting_fixes_end_and_lose_no_step() -> None:
    first, second = Remedy("first", ("true", "1")), Remedy("second", ("true", "2"))
    found = done(finding("MIG1", first, second), finding("MIG2", second, first))
    assert sorted(found) == [("true", "1"), ("true", "2")]
    circle = [
        finding(f"MIG{n}", Remedy("x", ("true", str(n))), Remedy("y", ("true", str((n + 1) % 5)))) for n in range(5)
    ]
    assert sorted(done(*circle)) == [("true", str(n)) for n in range(5)]
    waiting = [
        finding("MIG1", Remedy("", after=("MIG2",)), first),
        finding("MIG2", Remedy("", after=("MIG1",)), second),
    ]
    assert sorted(done(*waiting)) == [("true", "1"), ("true", "2")]


def test_a_build_before_an_edit_of_the_same_fix_is_kept_so() -> None:
    """The order inside of one fix counts more than the order of the kinds."""
    assert done(finding("MIG1", BUILD, EDIT), around=STILL) == [BUILD.command, "delete the line"]


def test_what_cannot_be_ordered_comes_last_and_is_not_hidden() -> None:
    strange = Remedy("do something", ("sudo", "chown", "1:1", "/shop"))
    assert done(finding("MIG207", strange), finding("MIG101", BUILD), around=STILL) == [BUILD.command, strange.command]


def test_looking_comes_first() -> None:
    assert done(finding("MIG101", BUILD), finding("MIG404", SEARCH, OR), around=STILL)[0] == SEARCH.command


def test_milder_findings_are_steps_only_where_safe_commands_alone_fix_them() -> None:
    found = plan(
        warning("MIG206", BUILD), warning("MIG801", EDIT), warning("MIG704", SEARCH), warning("MIG1", BUILD, OR)
    )
    assert [step.rules for step in found.steps if step.rules] == [("MIG206",)]
    assert {each.rule for each in found.left} == {"MIG801", "MIG704", "MIG1"}


def test_fail_on_decides_which_findings_are_steps() -> None:
    found = plan(warning("MIG501", EDIT), fail_on=Severity.WARNING)
    assert found.steps[0].rules == ("MIG501",)
    assert found.left == ()


def test_several_edits_are_committed_together_and_built_once() -> None:
    other = Remedy("write %%", at=replace(made.INI, line=9))
    found = plan(finding("MIG501", EDIT), finding("MIG501", other), finding("MIG502", EDIT))
    assert [step.action for step in found.steps] == [
        Action.EDIT, Action.EDIT, Action.COMMIT, Action.BUILD, Action.DEPLOY,
    ]  # fmt: skip
    assert found.steps[0].rules == ("MIG501", "MIG502")


def test_an_edit_that_was_made_and_not_committed_is_the_commit_alone() -> None:
    commit = Remedy("git's HEAD still has it: commit the change", at=made.INI, action=Action.COMMIT)
    assert done(finding("MIG501", commit, BUILD)) == [COMMIT, BUILD.command, DEPLOY]


def test_the_next_line_is_the_first_step() -> None:
    assert plan(finding("MIG101", BUILD)).next_command == BUILD.command
    assert plan(*MESS).next_text == "edit /shop/alembic.ini:5 (step 1), then step 2"
    assert plan(finding("MIG501", EDIT), around=STILL).next_text.endswith("then run this again")
    stamp = Remedy("stamp it", made.COMMANDS.alembic("stamp", "001"))
    assert plan(finding("MIG409", stamp), around=STILL).next_command == AROUND.verbose


def test_looking_is_next_even_before_a_choice() -> None:
    assert plan(finding("MIG404", SEARCH, OR)).next_command == SEARCH.command


def test_there_is_always_a_next_line() -> None:
    for findings in ((), MESS, (warning("MIG801", EDIT),), (finding("MIG999"),), (finding("MIG404", SEARCH, OR),)):
        for is_known in (True, False):
            found = make(findings, Severity.ERROR, AROUND, is_known=is_known)
            assert found.next_text or found.next_command


def test_what_is_only_noticed_is_not_said_to_stand_above() -> None:
    info = finding("MIG307", EDIT, severity=Severity.INFO)
    assert plan(info).next_text == "nothing must be done; -v shows the one thing that was noticed"
    assert plan(info, info).next_text == "nothing must be done; -v shows what was noticed"


def test_a_clean_service_has_nothing_to_do() -> None:
    assert plan().next_text == "nothing to do"
    assert plan().next_command == ()
    start = Remedy("no container runs yet; start it", UP.command)
    assert plan(around=replace(AROUND, start=start)).next_command == UP.command


def test_what_can_wait_names_the_safe_edits() -> None:
    around = replace(AROUND, fix=made.COMMANDS.migops("doctor", "--fix"), fixable=lambda: frozenset({"MIG505"}))
    assert (
        "`migops doctor -f prod.yml --fix app` edits what is safe (MIG505)"
        in plan(warning("MIG505", EDIT), around=around).next_text
    )
    assert "--fix" not in plan(warning("MIG601", EDIT), around=around).next_text, "it would edit nothing"
    assert "--fix" not in plan(warning("MIG802", Remedy("choose")), around=around).next_text
    assert "-v shows how" in plan(warning("MIG505", EDIT)).next_text


def test_what_is_unknown_is_made_known_first() -> None:
    unknown = Remedy("make the image readable", BUILD.command)
    around = replace(AROUND, unknown=unknown)
    found = make(MESS, Severity.ERROR, around, is_known=False)
    assert (found.next_command, found.steps[0].command) == (BUILD.command, BUILD.command)
    assert [step.command for step in found.steps].count(BUILD.command) == 1
    server = replace(AROUND, unknown=Remedy("then the database can be read", START.command))
    assert make(MESS, Severity.ERROR, server, is_known=False).steps[0].command == START.command
    assert make(MESS, Severity.ERROR, around, is_known=True).next_command == ()
    edit = replace(AROUND, unknown=Remedy("set POSTGRES_HOST: db", at=Location("compose.yaml", 3), action=Action.EDIT))
    (step,) = make((), Severity.ERROR, edit, is_known=False).steps
    assert (step.action, str(step.at), step.why) == (Action.EDIT, "compose.yaml:3", "set POSTGRES_HOST: db")
    assert "edit compose.yaml:3" in make((), Severity.ERROR, edit, is_known=False).next_text
    assert make(MESS, Severity.ERROR, edit, is_known=False).steps[0].why == step.why
    assert make((), Severity.ERROR, AROUND, is_known=False).next_command == ()


def test_what_no_command_makes_readable_is_said_in_words() -> None:
    around = replace(AROUND, unread="check that Docker is running")
    found = make((), Severity.ERROR, around, is_known=False)
    assert found.next_text == "check that Docker is running; then run this again"
