"""One script at a time: what is read from its text, what stays unknown, and that nothing in it is ever run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from migops.migrations.revisions import MAX_BYTES, read_revision

HEAD = b"revision = 'a1'\ndown_revision = 'a0'\n"


def ids(source: str | bytes, path: str = "/v/x.py") -> tuple[str, tuple[str, ...]] | None:
    """The id and parents of a script that must hold no surprise."""
    script = read_revision(path, source if isinstance(source, bytes) else source.encode())
    assert script.unreadable == ()
    return (script.revision.id, script.revision.parents) if script.revision else None


@pytest.mark.parametrize(
    ("source", "parents"),
    [
        ("down_revision = None", ()),
        ("down_revision = 'a'", ("a",)),
        ("down_revision: str | None = 'a'", ("a",)),
        ("down_revision: Union[str, Sequence[str], None] = ('a', 'b')", ("a", "b")),
        ("down_revision = ['a', 'b']", ("a", "b")),
        ("down_revision = {'a', 'b'}", ("a", "b")),
        ("down_revision = (\n    'a',\n    'b',\n)", ("a", "b")),
        ("down_revision = ()", ()),
        ("down_revision = (None,)", ()),
        ("down_revision = ''", ("",)),
        ("down_revision = 'a' 'b'", ("ab",)),
        ("down_revision = 'a' + 'b'", ("ab",)),
        ("first = 'a'\ndown_revision = first", ("a",)),
        ("down_revision = 'z'\ndown_revision = 'a'", ("a",)),
        ("other = down_revision = 'a'", ("a",)),
        ("down_revision, x = 'a', 1", ("a",)),
        ("down_revision = f'a'", ("a",)),
        ("TEXT = '''\ndown_revision = 'no'\n'''\ndown_revision = 'a'", ("a",)),
        ("down_revision = 'a'\ndef upgrade():\n    down_revision = 'no'", ("a",)),
        ("down_revision = 'a'\nclass C:\n    down_revision = 'no'", ("a",)),
    ],
)
def test_ways_to_write_a_parent(source: str, parents: tuple[str, ...]) -> None:
    """Revises: another (the docstring is never read)"""
    assert ids(f"revision = 'r'\n{source}\n") == ("r", parents)


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("revision = 'r'\ndown_revision = get_down(revision)", 2, "computed (get_down(revision))"),
        ("revision = 'r'\nif X:\n    down_revision = 'a'", 2, "computed"),
        ("revision = 'r'\ndown_revision = ['a']\ndown_revision.append('b')", 3, "computed"),
        ("revision = 'r'\ndown_revision = 'a'\ndel down_revision", 3, "computed"),
        ("revision = 'r'\nfrom base import down_revision", 2, "computed"),
        ("revision = 'r'\nfrom base import *", 2, "from base import *"),
        ("revision = 'r'\nfor down_revision in 'ab': pass", 2, "computed"),
        ("revision = 'r'\ndown_revision = f'{X}'", 2, "computed"),
        ("revision = str(5)\ndown_revision = None", 1, "revision is computed (str(5))"),
        ("revision = 5\ndown_revision = None", 1, "revision is not a string"),
        ("revision = 'r'\ndown_revision = 5", 2, "neither a string"),
        ("revision = 'r'", 1, "not assign `down_revision`"),
        ("revision = '2024-01'\ndown_revision = None", 1, "'-'"),
        ("x = 1", 0, "not assign `revision`"),
    ],
)
def test_what_only_running_it_would_tell(source: str, line: int, words: str) -> None:
    script = read_revision("/v/helper.py", source.encode())
    assert script.revision is None
    (problem,) = script.unreadable
    assert (problem.path, problem.line) == ("/v/helper.py", line)
    assert words in problem.reason


def test_computed_labels_leave_the_rest_readable() -> None:
    """As in neutron: `branch_labels = (cli.EXPAND_BRANCH,)`."""
    script = read_revision("/v/x.py", HEAD + b"branch_labels = (cli.EXPAND,)\n")
    assert script.revision is not None
    assert (script.revision.id, script.revision.branch_labels) == ("a1", ())
    (problem,) = script.unreadable
    assert (problem.line, problem.reason) == (3, "branch_labels is computed ((cli.EXPAND,))")


def test_an_import_of_everything_is_no_reason_to_doubt_what_is_written() -> None:
    assert ids(b"from app.models import *\n" + HEAD) == ("a1", ("a0",))


def test_a_name_in_hexadecimal_is_an_id_by_itself() -> None:
    """Alembic 0.1's scripts had no `revision`; it still goes by the file's name."""
    assert ids("down_revision = None", "/v/abc123.py") == ("abc123", ())


def test_python_2_is_named_with_the_line_that_python_3_stops_at() -> None:
    script = read_revision("/v/969126bd800f_.py", HEAD + b"def upgrade():\n    print 'moving'\n")
    assert script.revision is not None
    assert (script.revision.id, script.revision.parents, script.revision.down_line) == ("a1", ("a0",), 2)
    (problem,) = script.unreadable
    assert problem.line == 4
    assert problem.reason.startswith("Python cannot parse it: Missing parentheses in call to 'print'")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (b"\xef\xbb\xbf" + HEAD, "a1"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n" + HEAD, "a1"),
        (HEAD.replace(b"\n", b"\r\n"), "a1"),
        ("revision = 'é'\ndown_revision = None\n".encode(), "é"),
        ("# coding: cp1251\nrevision = 'ж'\ndown_revision = None\n".encode("cp1251"), "ж"),
    ],
)
def test_encodings_are_pythons(source: bytes, found: str) -> None:
    read = ids(source)
    assert read is not None
    assert read[0] == found


def test_an_escape_that_python_frowns_on_is_no_error() -> None:
    assert ids(HEAD + b"PATTERN = '\\d'\n") == ("a1", ("a0",))


@pytest.mark.parametrize(
    ("body", "can"),
    [
        ("def downgrade():\n    op.drop_table('x')", True),
        ("def downgrade():\n    pass", False),
        ("def downgrade():\n    '''Nothing.'''", False),
        ("def downgrade():\n    raise NotImplementedError", False),
        ("def downgrade():\n    return", False),
        ("async def downgrade():\n    await x()", True),
        ("downgrade = other", True),
        ("from base import downgrade", True),
        ("def upgrade():\n    pass", False),
        ("TEXT = '''\ndef downgrade():\n    op.drop()\n'''", False),
        ("def upgrade():\n    pass\n\ndef downgrade():\n    pass", True),
        ("def upgrade():\n    '''Merge.'''\n\ndef downgrade():\n    ...", True),
        ("def upgrade():\n    pass\n\ndef downgrade():\n    raise NotImplementedError", False),
        ("def upgrade():\n    op.drop_table('x')\n\ndef downgrade():\n    pass", False),
        ("def upgrade():\n    pass\n\nupgrade = other\n\ndef downgrade():\n    pass", False),
        ("@wraps\ndef upgrade():\n    pass\n\ndef downgrade():\n    pass", False),
        ("if x:\n    def upgrade():\n        pass\n\ndef downgrade():\n    pass", False),
        ("from base import upgrade\n\ndef downgrade():\n    pass", False),
    ],
)
def test_whether_there_is_a_way_back(body: str, can: bool) -> None:
    script = read_revision("/v/x.py", HEAD + body.encode() + b"\n")
    assert script.revision is not None
    assert script.revision.has_downgrade is can


HOSTILE = {
    "minuses": b"x = " + b"-" * 100_000 + b"1\n",
    "attributes": b"x = a" + b".b" * 60_000 + b"\n",
    "sum": b"revision = " + b"'a'+" * 900 + b"'b'\n",
    "longer sum": b"revision = " + b"'a'+" * 20_000 + b"'b'\n",
    "parentheses": b"x = " + b"(" * 60_000 + b"\n",
    "calls": b"f(" * 150 + b"\n",
    "braces": b"x = {" * 90 + b"\n",
    "elif": b"if a: pass\n" + b"elif a: pass\n" * 9_000,
    "nul": b"x = '\0'\n",
    "statements": b"x=1\n" * 16_000,
    "f-string": b"x = f'" + b"{a}" * 20_000 + b"'\n",
    "spaces": b"revision = 'a'" + b" \t" * 60_000 + b"x\n(\n",
    "no such encoding": b"# coding: nope\n",
    "not text": b"# coding: hex\n",
    "large": b"x = 1\n" * 400_000,
    "large string": b"x = '" + b"y" * 8_000_000 + b"'\n",
    "utf-16": "\ufeffx = 1\n".encode("utf-16-le"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_scripts_cost_little_and_raise_nothing(name: str) -> None:
    before = time.process_time()
    script = read_revision("/v/x.py", HOSTILE[name] + b"revision = 'a1'\ndown_revision = 'a0'\n")
    assert time.process_time() - before < 3
    assert script.revision is not None or script.unreadable


def test_nothing_is_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    source = HEAD + f"open({str(canary)!r}, 'w').close()\ndef downgrade(x=open({str(canary)!r}, 'w')): ...\n".encode()
    assert ids(source) == ("a1", ("a0",))
    assert not canary.exists()


def test_a_large_script_is_read_above_its_functions() -> None:
    seeds = b"def upgrade():\n" + b"    op.execute('insert')\n" * 8_000 + b"def downgrade():\n    op.execute('x')\n"
    assert len(seeds) > MAX_BYTES
    script = read_revision("/v/x.py", b'"""seed\n\nmore"""\n' + HEAD + seeds)
    assert script.unreadable == ()
    assert script.revision is not None
    assert (script.revision.id, script.revision.message, script.revision.has_downgrade) == ("a1", "seed", True)


def test_five_thousand_scripts_take_seconds_at_most() -> None:
    """A bound against blunders; the measured figure is in the benchmark."""
    source = (
        '"""add users\n\nRevises: x\n"""\nfrom alembic import op\nimport sqlalchemy as sa\n\n'
        "revision = 'r{0}'\ndown_revision = 'r{1}'\nbranch_labels = None\ndepends_on = None\n\n\n"
        "def upgrade():\n    op.create_table('t{0}', sa.Column('id', sa.Integer(), nullable=False))\n\n\n"
        "def downgrade():\n    op.drop_table('t{0}')\n"
    )
    texts = [source.format(number, number - 1).encode() for number in range(5000)]
    before = time.process_time()
    scripts = [read_revision(f"/v/{number}.py", text) for number, text in enumerate(texts)]
    assert time.process_time() - before < 6
    assert sum(script.revision is not None for script in scripts) == 5000
