"""What other versions left stops, or is used by, the next run: journals, locks, backups, notes and rollback images."""

from __future__ import annotations

import fcntl
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.stack import PRICE, Stack, edit, quick
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import session
from tests.kit import Result, example, migops
from tests.written_by.kept import FIRST, SECOND, VERSIONS, Kept, alive

pytestmark = pytest.mark.engine

# The words for what was found, each once, for whoever changes them.
AGAIN, HAS, MAY = "would be run again:", "has committed a part of it", "may have committed a part of it"
REAL = """select pid, to_char(backend_start at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), host(client_addr),
    client_port from pg_stat_activity where pid = pg_backend_pid()"""


class Site:
    """The example with the revisions of the runs that are kept, in its image and on the host; SECOND is pending."""

    def __init__(self, box: Sandbox) -> None:
        self.found = Stack(box, example("clean", box.path), box.path / "state")
        quick(self.found.project / "compose.yaml")
        self.found.write(FIRST, PRICE, "pass")
        self.found.write(SECOND, FIRST, "pass")
        self.found.up()
        self.found.compose("exec", "-T", "app", "alembic", "upgrade", FIRST)
        self.number = 0

    def kept(self, version: str) -> Kept:
        """What that version wrote, for a state folder that nothing is in yet."""
        self.number += 1
        self.found.state = self.found.box.path / f"state-{self.number}"
        return Kept(version, self.found.box, self.found.state)

    def run(self, *words: str) -> Result:
        return migops(*words, cwd=self.found.project, env={**self.found.env, "COLUMNS": "200"})

    def upgrade(self) -> Result:
        """`migops alembic upgrade`; where it went on, the version is put back afterwards."""
        found = self.run("alembic", "upgrade", "head")
        rows = self.found.rows()
        assert rows == [SECOND if found.code == 0 else FIRST], (found, rows)
        if found.code == 0:
            self.found.query(f"update alembic_version set version_num = '{FIRST}'")
        return found


def test_what_other_versions_left(sandbox: Sandbox) -> None:
    """One stack for all, since to start one takes long; each part begins with a state folder that is empty."""
    site = Site(sandbox)
    journals_of_killed_and_failed_runs(site)
    the_lock_on_the_database(site)
    locks_of_owners_that_live_and_that_have_gone(site)
    notes_on_the_engine(site)
    backups_are_listed_and_restored(site)
    image_and_definition_that_a_killed_deploy_has_kept(site)


@contextmanager
def living() -> Iterator[int]:
    """A process that lives meanwhile: its number."""
    with subprocess.Popen(("sleep", "600")) as process:
        try:
            yield process.pid
        finally:
            process.kill()


@contextmanager
def labelled(kind: str, box: Sandbox, name: str, labels: dict[str, str], *words: str) -> Iterator[None]:
    """A container that runs, or a volume, of that name with these labels; it is removed, if it is still there."""
    given = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    if kind == "volume":
        box.docker("volume", "create", *given, name)
    else:
        box.docker("run" if words else "create", *(["-d"] if words else []), "--name", name, *given,
                   "python:3.11-slim", *words)  # fmt: skip
    try:
        yield
    finally:
        there = ("volume", "ls", "-q", "-f") if kind == "volume" else ("ps", "-a", "--format", "{{.Names}}", "-f")
        if box.docker(*there, f"name={name}").split():
            box.docker(*(("volume", "rm") if kind == "volume" else ("rm", "-f")), name)


def journals_of_killed_and_failed_runs(site: Site) -> None:
    """A run that was killed while it migrated, or has committed a part, stops the next until that is settled."""
    for version in VERSIONS:
        kept = site.kept(version)
        killed = next(n for n in range(1, len(kept.runs) + 1) if not kept.runs[n - 1]["outcome"])
        kept.put_journals(killed)
        stopped = site.upgrade()
        assert stopped.code == 7, (version, stopped.stderr)
        assert f"{SECOND} {AGAIN} run {killed} {MAY}" in stopped.stderr
        assert f"an earlier run was cut off: `rebuild-and-migrate` of {kept.lines(killed)[0]['at']}" in stopped.stderr
        assert f"--repeat={SECOND}" in stopped.stderr
        assert f"migops log {killed}" in stopped.stderr
        deployed = site.run("rebuild-and-migrate", "--yes", "--no-backup")
        assert (deployed.code, f"run {killed} {MAY}" in deployed.stderr) == (7, True)
        assert len(list(kept.folder.glob("journal/*"))) == killed, "both were stopped before they had begun"

        with at_work(site, kept, killed) as pid:
            stopped = site.upgrade()
            assert stopped.code == 7, (version, stopped.stderr)
            assert f"The session of run {killed} (`rebuild-and-migrate`) still works on the server" in stopped.stderr
            assert f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = {pid} AND " in stopped.stderr

        failed = kept.last("rebuild-and-migrate", "operator")
        kept.put_journals(failed)
        if any(line.get("step") in ("commits", "earlier") for line in kept.lines(failed)):
            stopped = site.upgrade()
            assert stopped.code == 7, (version, stopped.stderr)
            assert f"run {failed} {HAS} (1 statement" in stopped.stderr
        for number in range(1, len(kept.runs) + 1):
            for judged in (line for line in kept.lines(number) if line.get("status") == "judged"):
                kept.put_journals(number)
                stopped = site.upgrade()
                assert stopped.code == 7, (version, stopped.stderr)
                assert f"run {judged['run']} {HAS} ({judged['why']})" in stopped.stderr
        settled = kept.last("rebuild-and-migrate", "done")
        kept.put_journals(settled)
        on = site.upgrade()
        assert (on.code, "cut off" in on.stderr) == (0, False), (version, on.stderr)


@contextmanager
def at_work(site: Site, kept: Kept, number: int) -> Iterator[int]:
    """A session on the server that a killed run's journal tells of, by all that it noted of it; its number."""
    (name,) = (line["application"] for line in kept.lines(number) if line.get("application"))
    noted = next((line["session"] for line in kept.lines(number) if "session" in line), None)
    with session(site.found, "someone" if noted else name) as one:
        real = one.execute(REAL).fetchone()
        assert real is not None
        if noted:
            there = {**noted, **dict(zip(("pid", "started", "address", "port"), real, strict=True))}
            kept.put_journals(number, {json.dumps(noted): json.dumps(there)})
        yield real[0]


def the_lock_on_the_database(site: Site) -> None:
    """Two versions that migrate one database keep each other out, and each names the other."""
    for version in VERSIONS:
        lock = site.kept(version).on_engine["killed"]["database"]
        with session(site.found, lock["name"]) as one:
            one.execute("select pg_advisory_lock((%s::bigint << 32) | %s)", (lock["classid"], lock["objid"]))
            stopped = site.upgrade()
            assert (stopped.code, lock["name"] in stopped.stderr) == (4, True), (version, stopped.stderr)
            held = site.run("log", "--format", "json").json["locks"]["database"]["holder"]
            assert held["name"] == lock["name"]


def locks_of_owners_that_live_and_that_have_gone(site: Site) -> None:
    box = site.found.box
    for version in VERSIONS:
        kept = site.kept(version)
        lock = kept.put("lock")
        owner = json.loads(lock.read_text())
        with lock.open("r+") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            stopped = site.upgrade()
            said = f"`rebuild-and-migrate` by {owner['user']}@{owner['host']}, process {owner['pid']}, since "
            assert (stopped.code, said + owner["since"] in stopped.stderr) == (4, True), (version, stopped.stderr)
            assert said in site.run("log").stdout
        assert site.upgrade().code == 0, "the process has gone, and its lock with it"

        with_it = kept.on_engine["killed"]
        migrating = with_it["migrate"]
        known = {key: value for key, value in migrating["labels"].items() if key == "migops.owner"}
        with living() as pid, labelled(
            "container", box, migrating["name"],
            {**migrating["labels"], **{key: alive(value, pid) for key, value in known.items()}}, "sleep", "600",
        ):  # fmt: skip
            stopped = site.run("rebuild-and-migrate", "--yes")
            assert (stopped.code, "another run is migrating in the container" in stopped.stderr) == (4, True), stopped
        with labelled("container", box, migrating["name"], migrating["labels"], "sleep", "600"):
            stopped = site.run("rebuild-and-migrate", "--yes")
            assert stopped.code == (7 if known else 4), "whether 0.1.0's process has gone is not known"
            assert migrating["name"] in stopped.stderr

        if "lock" in with_it:
            name, labels = with_it["lock"]["name"], with_it["lock"]["labels"]
            (key,) = labels
            with living() as pid, labelled("container", box, name, {key: alive(labels[key], pid)}):
                stopped = site.upgrade()
                assert (stopped.code, f"`rebuild-and-migrate` by {owner['user']}@" in stopped.stderr) == (4, True)
                assert f"process {pid}" in site.run("log").stdout
                assert site.run("log", "--unlock", "--yes").code == 4
            with labelled("container", box, name, labels):
                assert site.run("log", "--format", "json").json["locks"]["engine"]["process"] == "gone"
                assert site.upgrade().code == 0, "it is taken over"
                assert box.docker("ps", "-aq", "--filter", f"name={name}") == ""


def notes_on_the_engine(site: Site) -> None:
    """They stop a run whose state folder knows nothing of it, and are as they were afterwards."""
    box = site.found.box
    for version in VERSIONS:
        kept = site.kept(version)
        notes = [*kept.on_engine["committed"], *kept.on_engine["killed"]["notes"], *kept.on_engine.get("judged", ())]
        for note in notes:
            (record,) = (json.loads(each) for each in note["labels"].values() if each.startswith("{"))
            with labelled("volume", box, note["name"], note["labels"]):
                stopped = site.upgrade()
                assert stopped.code == 7, (version, stopped.stderr)
                by = f" ({record['by']})" if "by" in record else ""
                where = f"run {record['run']} of another state folder, {record['folder']}{by}, "
                has = HAS if record.get("state") == "committed" else MAY
                assert f"{SECOND} {AGAIN} {where}{has} (" in stopped.stderr
                assert f"docker volume inspect {note['name']}" in stopped.stderr
                assert box.docker("volume", "ls", "-q", "--filter", f"name={note['name']}").strip() == note["name"]
        if trace := kept.on_engine["killed"].get("trace"):
            image = site.found.image()
            (note,) = kept.on_engine["killed"]["notes"]
            labels = {key: re.sub("sha256:[0-9a-f]{64}", image, value) for key, value in note["labels"].items()}
            with labelled("volume", box, note["name"], labels), labelled("volume", box, trace["name"], trace["labels"]):
                filled = f"migops-{box.name}-filling"
                box.docker("create", "--name", filled, "-v", f"{trace['name']}:{trace['folder']}", image)
                box.docker("cp", str(kept.source("trace")), f"{filled}:{trace['folder']}/record")
                box.docker("rm", filled)
                stopped = site.upgrade()
                has = f"{HAS} (1 statement"
                assert (stopped.code, has in stopped.stderr) == (7, True), (version, stopped.stderr)
    assert notes, "the last of the versions leaves notes"
    assert trace, "and the trace of a run that was killed"


def backups_are_listed_and_restored(site: Site) -> None:
    found = site.found
    number = found.query("select system_identifier from pg_control_system()")
    for version in VERSIONS:
        kept = site.kept(version)
        dump = kept.put_backup({"{system}": number})
        manifest = json.loads(Path(f"{dump}.json").read_text())
        has_identity = "identity" in manifest
        listed = site.run("backup", "--list", "--format", "json")
        assert listed.code == 0, listed.stderr
        (one,) = listed.json["backups"]
        assert (one["problem"], one["manifest"]["sha256"]) == ("", manifest["sha256"])
        (line,) = (each for each in site.run("backup", "--list").stdout.splitlines() if dump.name in each)
        assert ("db (volume " if has_identity else "unknown (migops 0.1.0)") in line

        found.query("delete from product; insert into product (title) values ('later')")
        sure = () if has_identity else ("--confirm", "shop")
        if sure:
            refused = site.run("restore", dump.name, "--yes")
            assert (refused.code, "does not record its server" in refused.stderr) == (5, True)
        done = site.run("restore", dump.name, "--yes", *sure, "--format", "json")
        assert (done.code, done.json["origin"]["relation"]) == (0, "same" if has_identity else "unidentified")
        assert (found.query("select title from product"), found.rows()) == ("kept", [PRICE])

        # A restore that was killed before the names were changed: the next one has the commands.
        last = kept.last("restore", "")
        begun = {line["step"]: line for line in kept.lines(last) if line.get("status") == "started"}
        app = found.compose("ps", "-q", "app").strip()
        kept.put_journals(last, {begun["stop"]["container"]: app})
        assert site.run("restore", dump.name, "--dry-run", *sure).code == 0, "it has left nothing"
        new = begun["restore"]["database"]
        found.query(f'create database "{new}"')
        found.compose("stop", "-t", "0", "app")
        stopped = site.run("restore", dump.name, "--yes", *sure)
        assert stopped.code == 7, stopped.stderr
        for said in (f"{found.box.name}-app-1 is stopped", f"{new} is left over", f"docker start {found.box.name}"):
            assert said in stopped.stderr
        found.query(f'drop database "{new}"')
        found.compose("start", "app")


def image_and_definition_that_a_killed_deploy_has_kept(site: Site) -> None:
    """Its new containers are not proved, so a deploy that fails goes back to what ran before that one."""
    found, project = site.found, site.found.project
    old = found.image()
    found.compose("exec", "-T", "app", "alembic", "upgrade", "head")
    (project / "main.py").write_text((project / "main.py").read_text() + "# newer\n")
    edit(project / "compose.yaml", "      DATABASE_URL", "      ADDED: new\n      DATABASE_URL")
    found.compose("up", "-d", "--build", "--wait", "app")
    new = found.image()
    (project / "main.py").write_text("raise SystemExit('it does not come up')\n")
    for version in VERSIONS:
        kept = site.kept(version)
        tag = kept.on_engine["rollback"]["tag"]
        assert tag == f"{found.box.name}-app:migops-rollback"
        found.box.docker("tag", old, tag)
        shown = site.run("rebuild-and-migrate", "--dry-run")
        assert f"the rollback tag stays at {old[:19]}" in " ".join(shown.stdout.split()), "by the tag alone"

        killed = kept.last("rebuild-and-migrate", "")
        images = {line["step"]: line["images"]["app"] for line in kept.lines(killed) if "images" in line}
        assert images["keep"]["image"] == kept.on_engine["rollback"]["image"]
        real = {images["keep"]["image"]: old, images["build"]: new}
        kept.put_journals(killed, real)
        (definition,) = [kept.put(name, real) for name in kept.definitions()] or [None]
        failed = found.deploy("--cache", "--no-backup", "--health-timeout", "20")
        assert (failed.code, failed.json["outcome"]) == (6, "failed"), (version, failed.stderr)
        assert f"run {killed} (rebuild-and-migrate, " in failed.stderr
        assert f"app runs {old[:19]} again, as before run {killed}, not {new[:19]}" in failed.json["message"]
        assert (found.running(), found.image(tag)) == ([old], old)
        environment = found.compose("exec", "-T", "app", "env")
        assert ("ADDED=new" in environment) == (definition is None), "the old definition, where there is one"
        assert ("definition of the old ones is kept in" in " ".join(failed.stderr.split())) == (definition is not None)
        found.box.docker("tag", new, f"{found.box.name}-app")
        found.compose("up", "-d", "--no-build", "--wait", "app")
