"""Which starts are proved to do nothing after the deploy's own migration, and what a rollback means for old ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from migops.analysis.evidence import Evidence
from migops.commands.deploy import manual_steps, old_starts, plan, preflight, starts, swap
from migops.commands.deploy.deploy import Deploy, DeployRecord
from migops.commands.deploy.inputs import DeployInputs, OldStart
from migops.commands.deploy.options import Options
from migops.core.errors import Aborted
from migops.core.model import PlaceName
from migops.migrations.build import build
from migops.rules import RULES, judge
from tests.deploy.made import NEW, at, inputs, running
from tests.deploy.stack import CREATE, PRICE, edit
from tests.kit import example

OPTIONS = Options(backup=False)
PLAIN = "alembic upgrade head && exec python main.py"


def made(folder: Path, script: str = PLAIN, compose: Mapping[str, str] | None = None, **options: str) -> DeployInputs:
    """The example whose entrypoint has this text; ``compose`` are edits of its compose file."""
    found = example("migrating-entrypoint", folder)
    (found / "entrypoint.sh").write_text(f"#!/bin/sh\n{script}\nexec python main.py\n")
    for old, new in (compose or {}).items():
        edit(found / "compose.yaml", old, new)
    return inputs(found, **({"service": "app"} | options))


def reason(found: DeployInputs) -> str:
    """Why the deploy refuses it; it names the line."""
    with pytest.raises(Aborted) as caught:
        preflight.refuse(found, OPTIONS)
    assert "entrypoint.sh:" in caught.value.message
    assert "the swap would" in caught.value.message
    assert "--accept-migrating-entrypoint" in caught.value.hint
    preflight.refuse(found, replace(OPTIONS, accept_migrating=True))
    return caught.value.message


@pytest.mark.parametrize(
    "script",
    [
        PLAIN,
        "alembic upgrade heads\nexec x",
        "alembic -c alembic.ini -n alembic upgrade head",
        "cd /app; " + PLAIN,
        'set -e\nalembic upgrade head > /tmp/alembic.log 2>&1\nexec "$@"',
        "set -e\nexport PATH=/venv/bin:$PATH\nexec sh -c 'alembic upgrade head && exec gunicorn'",
        "python - <<EOF\nimport psycopg\nEOF\nalembic upgrade head",
        "dockerize -wait tcp://db:5432 sh -c 'alembic upgrade head && exec python main.py'",
        'echo "migrating at $(date)"\nalembic upgrade head\necho ok >> "$LOG"',
    ],
)
def test_it_has_nothing_left_to_do(tmp_path: Path, script: str) -> None:
    found = made(tmp_path, script)
    preflight.refuse(found, OPTIONS)
    (start,) = starts.of_deploy(found)
    assert start.why == ""
    assert any("it will find nothing left to do" in each for each in plan.make(found, OPTIONS).notes)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("alembic -c other.ini upgrade head", "it reads /app/other.ini, and the deploy /app/alembic.ini"),
        ("alembic -n reports upgrade head", "the section [reports], and the deploy [alembic]"),
        ("alembic -x tenant=a upgrade head", "other -x arguments"),
        (
            "(cd /srv && alembic -c /app/alembic.ini upgrade head)",
            "it runs in /srv, and the deploy's migration in /app",
        ),
        ("ALEMBIC_CONFIG=/app/other.ini alembic upgrade head", "it reads /app/other.ini"),
        ("alembic --conf other.ini upgrade head", "it is called with --conf"),
        ("alembic upgrade +1", "it goes to `+1`, and the deploy to `head`"),
        (f"alembic upgrade {PRICE}", f"it goes to `{PRICE}`"),
        ("alembic upgrade head --tag x", "it goes to `head --tag x`"),
        ("flask db upgrade", "the deploy calls Alembic by `alembic`"),
        ("export PGDATABASE=x\nalembic upgrade head", "the start sets PGDATABASE before it"),
        ("alembic upgrade head &\nexec x", "in the background"),
        ("until alembic upgrade head; do sleep 1; done", "in a loop"),
        ("alembic upgrade head || alembic stamp head", "records revisions as applied"),
        ("alembic stamp head", "records revisions as applied"),
        ("alembic revision --autogenerate -m x\nalembic upgrade head", "writes a new migration"),
        ("alembic downgrade base\nalembic upgrade head", "takes the database back"),
        ("alembic upgrade head\n. ./more.sh", "was not read in full"),
        ("alembic upgrade head\nexec supervisord", "was not read in full"),
        ("alembic upgrade head\nsh <<EOF\nalembic -n other upgrade head\nEOF", "was not read in full"),
        # variables and wrappers in front of a shell, or of another script
        ("DATABASE_URL=x sh -c 'alembic upgrade head'", "the start sets DATABASE_URL before it"),
        ("env -i sh -c 'alembic upgrade head'", "what `env -i` sets"),
        ("pipenv run sh -c 'alembic upgrade head'", "what `pipenv` sets"),
        ("ALEMBIC_CONFIG=/app/other.ini sh -c 'alembic upgrade head'", "the start sets ALEMBIC_CONFIG before it"),
        ("export ALEMBIC_CONFIG=/app/other.ini\nsh -c 'alembic upgrade head'", "the start sets ALEMBIC_CONFIG"),
        ("poetry -C /srv run sh -c 'alembic upgrade head'", "the folder that it runs in is not known"),
        # variables that are filled otherwise than by NAME=VALUE
        ("read -r DB_URL < /run/secrets/url\nexport DB_URL\nalembic upgrade head", "the start sets DB_URL before it"),
        (': "${DB_URL:=sqlite://}"\nexport DB_URL\nalembic upgrade head', "the start sets DB_URL before it"),
        ("alias alembic='alembic -c other.ini'\nalembic upgrade head", "what `alias"),
        # what sets variables that the text does not name, before a condition on one
        (
            'export $(xargs < .env)\nif [ "$MIGRATE" = 1 ]; then alembic upgrade head; fi',
            "the start sets what `$(xargs < .env)` sets",
        ),
        ('. /run/secrets/env\nif [ "$MIGRATE" = 1 ]; then alembic upgrade head; fi', "was not read in full"),
        # the files that the deploy's migration has read as they are in the image
        ("sed -i s/a/b/ alembic.ini\nalembic upgrade head", "the start writes alembic.ini before it"),
        ("envsubst < a.tmpl > alembic.ini\nalembic upgrade head", "the start writes alembic.ini before it"),
        ("cat > .env <<EOF\nDATABASE_URL=$X\nEOF\nalembic upgrade head", "the start writes .env before it"),
        ("git pull\nalembic upgrade head", "the start fetches the code with git before it"),
        # commands that run although they are not words of their own
        ("OUT=`alembic -n other upgrade head`", "the section [other]"),
        ('echo "$(alembic -n other upgrade head)"', "the section [other]"),
        ("doppler run -- sh -c 'alembic upgrade head'", "what `doppler` sets"),
        ("runuser -l app -c 'alembic upgrade head'", "what `runuser` sets"),
        ("busybox sh -c 'alembic -n other upgrade head'", "the section [other]"),
        # no one-shot: the application runs on beside it
        ("exec python worker.py &\nalembic -n other upgrade head\nwait", "was not read in full"),
        ("gunicorn &\nalembic -n other upgrade head\nwait\nexit 0", "the section [other]"),
        (
            'case "$(role)" in w) exec nginx ;; *) alembic -n other upgrade head ;; esac\nexit 0',
            "the section [other]",
        ),
    ],
)
def test_everything_else_is_refused(tmp_path: Path, script: str, why: str) -> None:
    assert why in reason(made(tmp_path, script))


def test_before_the_first_build_only_the_built_image_can_tell(tmp_path: Path) -> None:
    found = made(tmp_path, "alembic upgrade head\n. ./more.sh")
    first = replace(found, evidence=replace(found.evidence, image=None))
    assert starts.refused(first) == ()
    (start,) = starts.refused(replace(first, evidence=_built(first)), built=True)
    assert "was not read in full" in start.why


def _built(found: DeployInputs) -> Evidence:
    """The evidence as if the build's start were the image's."""
    return replace(found.evidence, startups={PlaceName.IMAGE: found.evidence.startups[PlaceName.CONTEXT]})


def test_another_service_of_the_image_must_have_the_same_variables(tmp_path: Path) -> None:
    worker = "services:\n  worker:\n    extends: app\n    command: [python, worker.py]\n\n"
    same = made(tmp_path, compose={"services:\n": worker})
    members = (*same.services, replace(same.services[0], name="worker"))
    assert {each.why for each in starts.of_deploy(replace(same, services=members))} == {""}
    edit(same.target.root / "compose.yaml", "    extends: app\n", "    extends: app\n    environment: {PGOPTIONS: x}\n")
    other = inputs(same.target.root, service="app")
    (start,) = starts.refused(replace(other, services=members))
    assert start.service == "worker"
    assert start.why == "PGOPTIONS of it differ from those of app, whose database the deploy migrates"
    edit(same.target.root / "compose.yaml", "    environment: {PGOPTIONS: x}\n", "    volumes: ['./:/app']\n")
    (start,) = starts.refused(replace(inputs(same.target.root, service="app"), services=members))
    assert start.why.startswith("it has other files mounted into it than app")
    edit(same.target.root / "compose.yaml", "    volumes: ['./:/app']\n", "    secrets: [reports]\n")
    with (same.target.root / "compose.yaml").open("a") as file:
        file.write("\nsecrets:\n  reports: {file: ./alembic.ini}\n")
    (start,) = starts.refused(replace(inputs(same.target.root, service="app"), services=members))
    assert start.why.startswith("it has other files mounted into it than app")


def test_what_a_failed_deploy_means_for_an_old_start(tmp_path: Path) -> None:
    found = replace(made(tmp_path), old_starts={"app": OldStart("`alembic upgrade head` (the call is in /app/e.sh:2)")})
    found = replace(found, evidence=replace(found.evidence, database=at(CREATE)))
    stays = "\n".join(plan.make(found, OPTIONS).notes)
    assert "the old containers of app are not started, and the new ones are stopped" in stays
    assert "an old container of app must not restart between the first committed revision and its swap" in stays
    back = "\n".join(plan.make(found, replace(OPTIONS, on_failure="downgrade")).notes)
    assert "the migration is taken back first (--on-failure downgrade)" in back
    assert "are not started" not in back


def test_nothing_pending_means_nothing_for_it(tmp_path: Path) -> None:
    found = replace(made(tmp_path), old_starts={"app": OldStart("`alembic upgrade head`")})
    found = replace(found, evidence=replace(found.evidence, database=at(PRICE)))
    assert not [each for each in plan.make(found, OPTIONS).notes if "old start" in each or "restart" in each]
    assert old_starts.failing(found, (PRICE,)) == {}


def test_an_old_start_that_knows_the_revisions_comes_back(tmp_path: Path) -> None:
    found = replace(made(tmp_path), old_starts={"app": OldStart("`alembic upgrade head`")})
    host = found.evidence.graphs[PlaceName.HOST]
    older = build([each for each in host.revisions if each.id != PRICE])
    for graph, fails in ((older, True), (host, False)):
        evidence = replace(found.evidence, graphs={**found.evidence.graphs, PlaceName.IMAGE: graph})
        assert bool(old_starts.failing(replace(found, evidence=evidence), (PRICE,))) is fails


def test_an_old_container_of_an_older_image_than_the_name_means(tmp_path: Path) -> None:
    found = replace(made(tmp_path), old_starts={"app": OldStart("`alembic upgrade head`")})
    host = found.evidence.graphs[PlaceName.HOST]
    evidence = replace(found.evidence, graphs={**found.evidence.graphs, PlaceName.IMAGE: host})
    assert old_starts.failing(replace(found, evidence=evidence), (PRICE,)) == {}
    assert evidence.image is not None
    built_since = replace(evidence, image=replace(evidence.image, id=NEW))
    assert old_starts.failing(replace(found, evidence=built_since), (PRICE,)) == {"app": "`alembic upgrade head`"}


@pytest.mark.parametrize(
    ("states", "stopped", "partly"),
    [
        ([("old-1", True), ("old-2", True)], False, 0),
        ([("new-1", True), ("old-2", True)], False, 1),
        ([("new-1", True), ("old-2", False)], True, 0),
    ],
)
def test_what_still_runs_is_not_called_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, states: list[tuple[str, bool]], stopped: bool, partly: int
) -> None:
    found = replace(made(tmp_path), old_starts={"app": OldStart("`alembic upgrade head`")})
    host = found.evidence.graphs[PlaceName.HOST]
    older = build([each for each in host.revisions if each.id != PRICE])
    found = replace(found, evidence=replace(found.evidence, graphs={**found.evidence.graphs, PlaceName.IMAGE: older}))
    olds = tuple(replace(running(number=number), id=f"old-{number}") for number in (1, 2))
    member = replace(found.services[0], containers=olds)
    record = DeployRecord(before=(CREATE,), after=(PRICE,))
    nobody = cast("Any", None)
    deploy = Deploy(replace(found, services=(member,)), OPTIONS, nobody, nobody, nobody, nobody, nobody, record)
    ended: list[str] = []
    engine_says = [{"Id": name, "State": {"Running": runs}} for name, runs in states]
    monkeypatch.setattr("migops.commands.deploy.health.inspected", lambda deploy, member: engine_says)
    monkeypatch.setattr("migops.docker.execs.stop", lambda engine, name: ended.append(name))
    assert swap._held(deploy, [member]) == [member]
    assert (ended, bool(record.stopped), len(record.unrestored)) == (
        [name for name, _ in states if name.startswith("new")], stopped, partly
    )  # fmt: skip


@pytest.mark.parametrize(("section", "told"), [("alembic", 0), ("reports", 1)])
def test_what_runs_once_and_migrates_elsewhere_is_told(tmp_path: Path, section: str, told: int) -> None:
    job = (
        "services:\n  migrate:\n    extends: app\n    entrypoint: []\n"
        f"    command: alembic -n {section} upgrade head\n\n"
    )
    found = made(tmp_path, compose={"services:\n": job})
    found = replace(found, services=(*found.services, replace(found.services[0], name="migrate", one_shot=True)))
    assert starts.refused(found) == ()
    notes = [each for each in plan.make(found, OPTIONS).notes if "the swap runs it as it is" in each]
    assert len(notes) == told
    assert all("migrate migrates once" in each and "the section [reports]" in each for each in notes)


HOOK = "    build: .\n    pre_start:\n      - command: [{}]\n{}"


def hooked(folder: Path, command: str = "alembic, upgrade, head", more: str = "") -> DeployInputs:
    """The clean example with a ``pre_start``; nothing else of it migrates."""
    found = example("clean", folder)
    edit(found / "compose.yaml", "    build: .\n", HOOK.format(command, more))
    edit(found / "Dockerfile", "CMD ", "ENTRYPOINT []\nCMD ")
    return inputs(found, service="app")


def test_a_pre_start_with_nothing_left_to_do(tmp_path: Path) -> None:
    found = hooked(tmp_path)
    preflight.refuse(found, OPTIONS)
    (start,) = starts.of_deploy(found)
    assert (start.why, start.command) == ("", "upgrade")
    assert "app migrates in its pre_start: `alembic upgrade head` (the call is in" in start.does
    assert "compose.yaml:5)" in start.does


@pytest.mark.parametrize(
    ("command", "more", "why"),
    [
        ("alembic, upgrade, '+1'", "", "it goes to `+1`"),
        ("alembic, stamp, head", "", "records revisions as applied"),
        ("alembic, -n, other, upgrade, head", "", "the section [other]"),
        ("alembic, upgrade, head", "        environment: {DATABASE_URL: 'sqlite://'}\n", "DATABASE_URL of it differ"),
        ("alembic, upgrade, head", "        working_dir: /srv\n", "it reads /srv/alembic.ini"),
        ("alembic, upgrade, head", "        image: tools\n", "it runs in the image tools, which was not read"),
        ("alembic, upgrade, head", "        network_mode: host\n", "it has network_mode of its own"),
        ("sh, start.sh", "", ""),
    ],
)
def test_a_pre_start_that_is_not_proved(tmp_path: Path, command: str, more: str, why: str) -> None:
    found = hooked(tmp_path, command, more)
    if not why:  # nothing in it is known to migrate
        assert starts.of_deploy(found) == ()
        return
    with pytest.raises(Aborted) as caught:
        preflight.refuse(found, OPTIONS)
    assert why in caught.value.message
    assert "compose.yaml:5" in caught.value.message


@pytest.mark.parametrize(("more", "rules"), [("", []), ("        per_replica: true\n", ["MIG602"])])
def test_a_pre_start_runs_once_for_all_replicas(tmp_path: Path, more: str, rules: list[str]) -> None:
    findings, _ = judge([rule for rule in RULES if rule.id == "MIG602"], hooked(tmp_path, more=more).evidence)
    assert [each.rule for each in findings] == rules


def test_a_failure_that_a_pre_start_swallows(tmp_path: Path) -> None:
    found = hooked(tmp_path, "sh, -c, alembic upgrade head || true")
    findings, _ = judge([rule for rule in RULES if rule.id == "MIG603"], found.evidence)
    assert [each.rule for each in findings] == ["MIG603"]


@pytest.mark.parametrize("alembic", ["poetry run alembic", "python -m alembic", "uv run alembic -c alembic.ini"])
def test_the_deploys_own_call_may_have_a_wrapper(tmp_path: Path, alembic: str) -> None:
    found = made(
        tmp_path,
        "poetry run alembic upgrade head",
        {"    build: .\n": f"    build: .\n    x-migops: {{alembic: {alembic}}}\n"},
    )
    assert [each.why for each in starts.of_deploy(found)] == [""]


def test_flask_migrate(tmp_path: Path) -> None:
    folder = example("flask-migrate", tmp_path)
    edit(folder / "Dockerfile", "CMD ", "ENTRYPOINT []\nCMD ")
    command = "    build: .\n    command: sh -c '{} && exec flask run'\n"
    edit(folder / "compose.yaml", "    build: .\n", command.format("flask db upgrade"))
    assert [each.why for each in starts.of_deploy(inputs(folder))] == [""]
    edit(folder / "compose.yaml", "flask db upgrade", "cd /srv && flask db upgrade")
    assert [each.why for each in starts.of_deploy(inputs(folder))] == [
        "it runs in /srv, and the deploy's migration in /app"
    ]


def test_what_stays_stopped_is_told_beside_what_runs(tmp_path: Path) -> None:
    found = made(tmp_path)
    worker = replace(found.services[0], name="worker")
    stopped = {"app": "`alembic upgrade head` (the call is in /app/entrypoint.sh:2 of the old image)"}
    record = DeployRecord(before=(CREATE,), after=(PRICE,), stopped=stopped)
    nobody = cast("Any", None)
    deploy = Deploy(
        replace(found, services=(found.services[0], worker)), OPTIONS, nobody, nobody, nobody, nobody, nobody, record
    )
    assert manual_steps.runs(deploy) == (
        "the old containers of worker run; app is stopped: its old start runs `alembic upgrade head` (the call is in "
        "/app/entrypoint.sh:2 of the old image), which fails (Can't locate revision) on the database as it is now"
    )


def test_an_accepted_start_is_told_with_what_it_means(tmp_path: Path) -> None:
    found = made(tmp_path, "alembic -x tenant=a upgrade head\nalembic stamp head")
    notes = "\n".join(plan.make(found, replace(OPTIONS, accept_migrating=True)).notes)
    assert "the old image will not start again once the database has moved on" in notes
    assert "accepted, although the swap would run the stamp by itself, unlocked and in every replica" in notes
