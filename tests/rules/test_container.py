"""MIG2: one cause, one rule, one fix, and what must come before it."""

from __future__ import annotations

import pytest

from migops.analysis.evidence import Evidence, Sibling
from migops.core.model import Finding, LinkStatus, PlaceName, Severity
from migops.rules import container as rules
from migops.rules import judge
from migops.sources.git_status import GitStatus
from migops.sources.mounts import Mount
from tests.rules.made import ANONYMOUS, FIRST, GHOST, OLD, PULL, SECOND, container, evidence, held

NAMED = Mount("volume", "shop_migrations", "/app/migrations")
UNNAMED = Mount("volume", ANONYMOUS, "/app/migrations")
BIND = Mount("bind", "/srv/shop/migrations", "/app/migrations")
UP = ("docker", "compose", "-f", "prod.yml", "up", "-d", "--no-deps")
BUILD = ("docker", "compose", "-f", "prod.yml", "build", "app")
NO_GIT = {"versions/009.py": GitStatus.NO_GIT}
RESCUE = ("migops", "rescue", "-f", "prod.yml", "app")


def findings(given: Evidence) -> list[Finding]:
    return list(judge(rules.RULES, given)[0])


def names(given: Evidence) -> list[str]:
    return [finding.rule for finding in findings(given)]


def commands(finding: Finding) -> list[tuple[str, ...]]:
    return [step.command for step in finding.remedy if step.command and not step.alternative]


class TestWhichRule:
    def test_a_container_like_its_image_is_clean_whatever_its_image_is_called(self) -> None:
        assert names(evidence(container(SECOND), container(SECOND, image=OLD, name="shop-app-2"))) == []

    @pytest.mark.parametrize(
        ("mounts", "image", "written", "rule"),
        [
            ((NAMED,), OLD, (), "MIG202"),
            ((UNNAMED,), OLD, (), "MIG203"),
            ((), OLD, (), "MIG204"),
            ((), OLD, ("/app/migrations/versions/009.py", "/app/migrations/versions/002.py"), "MIG205"),
        ],
    )
    def test_the_cause_decides(
        self, mounts: tuple[Mount, ...], image: str, written: tuple[str, ...], rule: str
    ) -> None:
        found = findings(evidence(container(GHOST, *mounts, image=image, written=written)))
        assert found[0].rule == rule
        assert {finding.link for finding in found} == {(PlaceName.IMAGE, PlaceName.CONTAINER)}

    def test_the_innermost_mount_counts(self) -> None:
        inner = Mount("volume", ANONYMOUS, "/app/migrations/versions")
        found = findings(evidence(container(GHOST, NAMED, inner)))
        assert {finding.rule for finding in found} == {"MIG203"}
        assert found[0].facts["mount"] == {
            "type": "volume", "source": ANONYMOUS, "target": "/app/migrations/versions",
        }  # fmt: skip

    def test_a_folder_with_a_longer_name_is_not_covered(self) -> None:
        mount = Mount("volume", "v", "/app/migr")
        assert set(names(evidence(container(GHOST, mount, image=OLD)))) == {"MIG204"}

    def test_what_is_as_on_the_host_is_not_the_container_s_fault(self) -> None:
        """The image is behind: that is MIG002's to name, and `up` would make the container worse."""
        assert names(evidence(container(SECOND, image=OLD), image=FIRST)) == []
        assert names(evidence(container(FIRST, image=OLD), image=GHOST, host=FIRST)) == []

    def test_a_script_that_the_host_calls_otherwise_is_not_lost(self) -> None:
        other = {**FIRST, "versions/second.py": SECOND["versions/002.py"]}
        found = findings(evidence(container(other, written=["/app/migrations/versions/second.py"])))
        assert "MIG205" not in {finding.rule for finding in found}

    def test_only_env_py_or_form_is_a_warning(self) -> None:
        crlf = {name: text.replace("\n", "\r\n") for name, text in SECOND.items()}
        for other in (container(SECOND, image=OLD, env="x = 1"), container(crlf, image=OLD)):
            found = findings(evidence(other))
            assert {(finding.rule, finding.severity) for finding in found} == {("MIG204", Severity.WARNING)}

    def test_replicas_that_are_alike_are_one_finding(self) -> None:
        alike = [container(GHOST, image=OLD, name=f"shop-app-{n}") for n in (1, 2)]
        found = findings(evidence(*alike, container(SECOND, name="shop-app-3")))
        assert [finding.subject.path for finding in found] == ["versions/002.py", "versions/009.py"]
        assert found[0].facts["containers"] == ["shop-app-1", "shop-app-2"]


class TestFix:
    def test_old_container(self) -> None:
        found = findings(evidence(container(FIRST, image=OLD)))
        assert commands(found[0]) == [(*UP, "app")]

    def test_anonymous_volume(self) -> None:
        found = findings(evidence(container(FIRST, UNNAMED)))
        assert commands(found[0]) == [(*UP, "--force-recreate", "-V", "app")]

    def test_named_volume(self) -> None:
        found = findings(evidence(container(GHOST, NAMED), git_records={"versions/009.py": GitStatus.DELETED}))
        remove, copy = commands(found[0])
        start = ("docker", "run", "--rm", "--network", "none", "--user", "0", "--entrypoint")
        volume = ("-v", "shop_migrations:/volume", "shop-app")
        assert remove == (*start, "rm", *volume, "-f", "--", "/volume/versions/009.py")
        assert copy == (*start, "cp", *volume, "-a", "/app/migrations/.", "/volume/")
        assert not [word for command in commands(found[0]) for word in command if word in ("up", "-V")]

    def test_named_volume_over_the_whole_code(self) -> None:
        """Only the migrations are touched: the rest of the volume may hold what people uploaded."""
        found = findings(evidence(container(GHOST, Mount("volume", "code", "/app")), git_records=NO_GIT))
        remove, copy = commands(found[0])
        assert remove[-1] == "/volume/migrations/versions/009.py"
        assert copy[-2:] == ("/app/migrations/.", "/volume/migrations/")

    def test_named_volume_over_the_versions_alone(self) -> None:
        found = findings(evidence(container(FIRST, Mount("volume", "v", "/app/migrations/versions"))))
        assert [command[-2:] for command in commands(found[0])] == [("/app/migrations/versions/.", "/volume/")]

    def test_named_volume_with_more_than_can_be_named(self) -> None:
        many = {f"versions/x{n:03}.py": f"revision = 'x{n}'\ndown_revision = '001'\n" for n in range(30)}
        given = evidence(container({**SECOND, **many}, NAMED), git_records=dict.fromkeys(many, GitStatus.NO_GIT))
        remove, _ = commands(findings(given)[0])
        assert remove[remove.index("shop-app") + 1 :] == (
            "/volume/versions", "-maxdepth", "1", "-name", "*.py", "-delete",
        )  # fmt: skip

    def test_the_only_copy_is_saved_first(self) -> None:
        for mounts, image in (((NAMED,), OLD), ((UNNAMED,), OLD), ((), OLD)):
            given = evidence(container(GHOST, *mounts, image=image), git_records={"versions/009.py": GitStatus.NEVER})
            for finding in findings(given):
                assert commands(finding)[:2] == [RESCUE, BUILD], finding.rule

    def test_a_trapped_revision_comes_before_anything_that_recreates(self) -> None:
        written = container(GHOST, image=OLD, written=["/app/migrations/versions/009.py"])
        found = findings(evidence(written, git_records={"versions/009.py": GitStatus.NO_GIT}))
        assert [finding.rule for finding in found] == ["MIG204", "MIG205"]
        assert all(commands(finding)[0] == RESCUE for finding in found)
        assert commands(found[1]) == [RESCUE, BUILD, (*UP, "app")]

    def test_a_stale_image_is_built_before_a_container_is_made_from_it(self) -> None:
        found = findings(evidence(container(GHOST, image=OLD), image=FIRST, git_records=NO_GIT))
        assert commands(found[0]) == [BUILD, (*UP, "app")]

    def test_no_build_where_it_would_take_away_what_upstream_has(self) -> None:
        third = {**SECOND, "versions/003.py": "revision = '003'\ndown_revision = '002'\n"}
        given = evidence(
            container(GHOST, image=OLD), image=third,
            git_records={"versions/003.py": GitStatus.UPSTREAM, "versions/009.py": GitStatus.DELETED},
        )  # fmt: skip
        assert all(BUILD not in commands(finding) for finding in findings(given))

    def test_a_container_that_is_ahead_of_the_host(self) -> None:
        third = {**SECOND, "versions/003.py": "revision = '003'\ndown_revision = '002'\n"}
        found = findings(evidence(container(third, image=OLD), git_records={"versions/003.py": GitStatus.UPSTREAM}))
        assert commands(found[0])[0] == PULL.command

    def test_what_git_saw_deleted_is_not_trapped(self) -> None:
        written = container({**SECOND, **GHOST}, written=["/app/migrations/versions/009.py"])
        found = findings(evidence(written, git_records={"versions/009.py": GitStatus.DELETED}))
        assert [finding.rule for finding in found] == ["MIG208"]
        assert commands(found[0]) == [(*UP, "--force-recreate", "app")]

    def test_a_script_deleted_in_the_container(self) -> None:
        found = findings(evidence(container(FIRST, written=["/app/migrations/versions"])))
        assert [(finding.rule, finding.subject.revision) for finding in found] == [("MIG208", "002")]

    def test_a_one_off_container_is_asked_for_trapped_revisions_alone(self) -> None:
        written = ["/app/migrations/versions/009.py"]
        one_off = container(GHOST, image=OLD, written=written, one_off=True, name="shop-app-run-1")
        found = findings(evidence(one_off))
        assert [finding.rule for finding in found] == ["MIG205"]
        assert commands(found[0]) == [RESCUE, BUILD]


class TestBind:
    def test_the_edge_comes_from_the_host(self) -> None:
        given = evidence(container(SECOND, BIND), image=GHOST)
        link = given.chain.link(PlaceName.HOST, PlaceName.CONTAINER)
        assert link is not None
        assert link.status is LinkStatus.EQUAL
        found = findings(given)
        assert [(finding.rule, finding.severity) for finding in found] == [("MIG201", Severity.INFO)]
        broken = given.chain.first_break("versions/009.py")
        assert broken is not None
        assert (broken.source, broken.target) == (PlaceName.HOST, PlaceName.IMAGE)

    def test_another_folder_with_other_migrations_is_an_error(self) -> None:
        found = findings(evidence(container(GHOST, Mount("bind", "/srv/old", "/app"))))
        assert [(finding.rule, finding.severity) for finding in found] == [("MIG201", Severity.ERROR)]
        assert "/srv/old/migrations/versions" in found[0].message

    def test_another_folder_with_the_same_migrations_is_not(self) -> None:
        found = findings(evidence(container(SECOND, Mount("bind", "/srv/old", "/app"))))
        assert [finding.severity for finding in found] == [Severity.INFO]


class TestSiblings:
    def sibling(self, image: dict[str, str] | None, *has: object) -> Evidence:
        containers = tuple(each for each in has if not isinstance(each, dict))
        return evidence(
            container(SECOND),
            siblings=(Sibling("worker", held(image) if image is not None else None, containers),),  # type: ignore[arg-type]
        )

    def test_the_same_everywhere(self) -> None:
        assert names(self.sibling(SECOND, container(SECOND))) == []
        assert names(self.sibling(None)) == [], "an image that nobody built yet is no disagreement"

    def test_an_image_of_its_own_that_was_not_built(self) -> None:
        found = findings(self.sibling(FIRST))
        assert [(finding.rule, finding.severity) for finding in found] == [("MIG206", Severity.WARNING)]
        assert commands(found[0]) == [("docker", "compose", "-f", "prod.yml", "build", "worker")]

    def test_a_container_that_was_not_created_anew(self) -> None:
        found = findings(self.sibling(SECOND, container(FIRST, image=OLD, name="shop-worker-1")))
        assert commands(found[0]) == [(*UP, "worker")]
        assert "shop-worker-1" in found[0].cause

    def test_a_volume_is_for_a_check_of_its_own_to_explain(self) -> None:
        found = findings(self.sibling(SECOND, container(FIRST, NAMED, name="shop-worker-1")))
        assert commands(found[0]) == [("migops", "check-image", "-f", "prod.yml", "worker")]

    def test_a_bind_of_the_host_is_no_disagreement(self) -> None:
        given = evidence(
            container(SECOND, BIND), image=FIRST,
            siblings=(Sibling("worker", held(FIRST), (container(SECOND, BIND, name="shop-worker-1"),)),),
        )  # fmt: skip
        assert names(given) == ["MIG201"]


class TestOwner:
    def test_files_of_root_in_a_folder_of_somebody(self) -> None:
        found = findings(evidence(owner=(1000, 1001)))
        assert [finding.rule for finding in found] == ["MIG207", "MIG207"]
        paths = ("/srv/shop/migrations/versions/001.py", "/srv/shop/migrations/versions/002.py")
        assert commands(found[0]) == [("sudo", "chown", "1000:1001", *paths)]

    def test_many_of_them(self) -> None:
        many = {f"versions/{n:03}.py": f"revision = '{n}'\ndown_revision = None\n" for n in range(30)}
        found = findings(evidence(host=many, image=many, owner=(1000, 1000)))
        assert commands(found[0]) == [("sudo", "chown", "-R", "1000:1000", "/srv/shop/migrations/versions")]

    def test_a_folder_of_root_and_files_of_somebody_are_fine(self) -> None:
        assert names(evidence(owner=(0, 0))) == []
        assert names(evidence(owner=(1000, 1000), uid=1000)) == []
