"""Which files of a place are scripts, where names, links and missing folders play tricks."""

from __future__ import annotations

from migops.core.model import Entry, EntryKind
from migops.migrations.config import parse_config
from migops.migrations.folders import Folders
from migops.migrations.locate import ScriptPaths, locate
from migops.migrations.revisions import Script
from migops.migrations.scripts import COMMITS_BY_ITSELF, read_history
from tests.migrations.trees import tree

ONE = "revision = 'a'\ndown_revision = None\n"
PATHS = ScriptPaths("/m", ("/m/versions",))


def test_a_missing_script_location_is_a_problem_at_its_line() -> None:
    paths = locate(parse_config("[alembic]\nscript_location = m\n", "/alembic.ini"), cwd="/")
    history = read_history(tree({"/x": ""}), paths)
    assert [(each.rule, str(each.at)) for each in history.problems] == [("MIG502", "/alembic.ini:2")]


def test_a_missing_versions_folder_is_passed_over_as_alembic_does() -> None:
    paths = ScriptPaths("/m", ("/gone", "/m/versions"))
    assert read_history(tree({"/m/versions/a.py": ONE}), paths).scripts == ("/m/versions/a.py",)


def test_links_are_followed_and_a_file_reached_twice_counts_once() -> None:
    files = tree({"/data/a.py": ONE}, {"/m/versions": "../data", "/data/b.py": "a.py", "/data/c.py": "/data/./a.py"})
    history = read_history(files, PATHS)
    assert history.scripts == ("/data/a.py",)
    assert [each.id for each in history.revisions] == ["a"]


def test_links_that_lead_nowhere_or_round_are_named() -> None:
    files = tree({"/m/versions/a.py": ONE}, {"/m/versions/b.py": "gone.py", "/m/versions/c.py": "c.py"})
    history = read_history(files, PATHS)
    assert [each.path for each in history.unreadable] == ["/m/versions/gone.py", "/m/versions/c.py"]
    assert len(history.revisions) == 1


def test_an_editors_lock_is_no_script() -> None:
    history = read_history(tree({"/m/versions/a.py": ONE}, {"/m/versions/.#a.py": "me@host.1:2"}), PATHS)
    assert (history.scripts, history.unreadable) == (("/m/versions/a.py",), ())


def test_what_was_not_read_or_is_no_file_is_unreadable() -> None:
    files = dict(tree({}))
    files["/m/versions/big.py"] = Entry("/m/versions/big.py", EntryKind.FILE, size=9)
    files["/m/versions/pipe.py"] = Entry("/m/versions/pipe.py", EntryKind.OTHER)
    reasons = [each.reason for each in read_history(files, PATHS).unreadable]
    assert "not read (9 bytes)" in reasons[0]
    assert "not a file" in reasons[1]


def test_bytecode_counts_only_where_it_has_no_source() -> None:
    names = ["a.py", "a.pyc", "b.pyc", "__pycache__/a.cpython-311.pyc", "__pycache__/c.cpython-311.pyc"]
    files = tree({f"/m/versions/{name}": ONE for name in names})
    assert read_history(files, PATHS).scripts == ("/m/versions/a.py",)
    sourceless = read_history(files, ScriptPaths("/m", ("/m/versions",), sourceless=True))
    assert sourceless.scripts == ("/m/versions/a.py", "/m/versions/b.pyc", "/m/versions/__pycache__/c.cpython-311.pyc")
    assert all("bytecode" in each.reason for each in sourceless.unreadable)


def test_the_same_text_is_parsed_once() -> None:
    known: dict[str, Script] = {}
    files = tree({"/m/versions/x.py": ONE, "/n/versions/x.py": ONE})
    first = read_history(files, PATHS, known).revisions
    second = read_history(files, ScriptPaths("/n", ("/n/versions",)), known).revisions
    assert len(known) == 1
    assert (first[0].path, second[0].path) == ("/m/versions/x.py", "/n/versions/x.py")


def test_folders_need_not_be_listed() -> None:
    folders = Folders(tree({"/a/b/c": ""}, {"/l": "a/../a"}))
    assert folders.exists("/a/b")
    assert folders.list("/a") == ([], ["b"])
    assert folders.resolve("/l/b/c") == "/a/b/c"
    assert not folders.exists("/a/x")


def test_a_script_that_commits_in_between() -> None:
    for text in (b"with op.get_context().autocommit_block():", b'op.execute("COMMIT")', b"execute(text('commit;'))",
                 b"connection.commit()", b'execution_options(isolation_level="AUTOCOMMIT")'):  # fmt: skip
        assert COMMITS_BY_ITSELF.search(text), text
    for text in (b'op.execute("COMMENT ON TABLE a IS 1")', b'"""Add commit to build"""', b'sa.Column("commit_id")'):
        assert not COMMITS_BY_ITSELF.search(text), text
