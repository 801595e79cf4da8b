"""Ours against Alembic's own code, on histories and configurations that hypothesis makes up."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.base import Script
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migops.migrations.build import build
from migops.migrations.config import parse_config
from migops.migrations.locate import locate
from migops.migrations.scripts import read_history
from tests.migrations.trees import read

IDS = [f"{letter}{number}" for number in range(2) for letter in "abcdef"]
LABELS = ["north", "south"]
quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def written(value: object, style: int) -> str:
    """A value as people write it: bare, in a tuple, in a list."""
    if isinstance(value, tuple):
        if len(value) == 1 and style == 0:
            return repr(value[0])
        return repr(list(value)) if style == 1 else repr(value)
    return repr(value)


@st.composite
def scripts(draw: st.DrawFn) -> dict[str, str]:
    """Files of a history that is mostly sound: now and then a parent is missing, an id doubled, a circle closed."""
    files: dict[str, str] = {}
    ids = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=8, unique=draw(st.integers(0, 9)) > 0))
    for number, identifier in enumerate(ids):
        pool = ids[:number] if draw(st.integers(0, 15)) else [*ids, "gone"]
        parents = tuple(draw(st.lists(st.sampled_from(pool), max_size=2, unique=True))) if pool else ()
        if pool and not parents and draw(st.booleans()):
            parents = (pool[-1],)
        needs = tuple(draw(st.lists(st.sampled_from([*pool, *LABELS[:1]]), max_size=1))) if number % 3 == 2 else ()
        labels = (LABELS[number],) if number < 2 and draw(st.integers(0, 3)) else ()
        style = draw(st.integers(0, 2))
        annotation = ": str" if draw(st.booleans()) else ""
        files[f"{number:02}_{identifier}.py"] = (
            f'"""step {number}\n\nRevises: nonsense\n"""\n'
            f"revision{annotation} = {identifier!r}\n"
            f"down_revision = {written(parents or None, style)}\n"
            f"branch_labels = {written(labels or None, style)}\n"
            f"depends_on = {written(needs or None, style)}\n\n"
            "def upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n"
        )
    return files


@quick
@given(scripts())
def test_graphs(files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        versions = Path(folder).resolve() / "s" / "versions"
        versions.mkdir(parents=True)
        for name, text in files.items():
            (versions / name).write_text(text)
        config = _ini(versions.parent.parent, f"[alembic]\nscript_location = {versions.parent}\n")
        history = read_history(read(versions.parent), locate(config, cwd=folder))
        graph = build(history.revisions, history.unreadable)
        real = ScriptDirectory(str(versions.parent))
        heads = _heads(real)
        if isinstance(heads, Exception):
            assert {each.rule for each in graph.problems} & {"MIG302", "MIG303", "MIG304"}, repr(heads)
            return
        assert set(graph.heads) == heads
        assert set(graph.effective_heads) == set(real.get_heads(consider_depends_on=True))
        assert set(graph.bases) == set(real.get_bases())
        # The map has labels for keys too, and behind one may be a script whose id another file took over.
        scripts = real.revision_map._revision_map.items()
        by_id = {each.revision: each for key, each in scripts if each and key == each.revision}
        assert set(graph.by_id) == set(by_id)
        assert set(graph.merges) == {each for each, script in by_id.items() if script.is_merge_point}
        assert set(graph.branch_points) == {each for each, script in by_id.items() if script.is_branch_point}
        # A circle that other lines lead into and out of escapes Alembic's check; its upgrade then fails.
        circles = [each for each in graph.problems if each.rule == "MIG304"]
        assert all(set(each.revisions) <= graph.ancestors([each.revisions[0]]) for each in circles)
        if len(files) == len(by_id) and not circles:
            assert {each.rule for each in graph.problems} <= {"MIG301"}
            _same_upgrade(real, graph.pending([]))
            for each in by_id:
                _same_upgrade(real, graph.pending([each]), each)


def _heads(real: ScriptDirectory) -> set[str] | Exception:
    try:
        return set(real.get_heads())
    except Exception as error:  # noqa: BLE001 - whatever Alembic dies of, KeyError included
        return error


def _same_upgrade(real: ScriptDirectory, ours: tuple[str, ...], current: str | None = None) -> None:
    steps = [step.revision.revision for step in real._upgrade_revs("heads", current)]
    assert sorted(ours) == sorted(steps)
    scripts = {each: real.get_revision(each) for each in ours}
    done = list(ours)
    assert all(done.index(low) < done.index(each) for each, s in scripts.items() for low in s._all_down_revisions
               if low in scripts)  # fmt: skip


NAMES = st.sampled_from([
    "a.py", "b.py", "_c.py", ".d.py", ".#e.py", "__init__.py", "__init__x.py", "f.py~", "g.pyc", "h.pyo", "b.pyc",
    "i.txt", "j.PY", "README", "k.py.bak",
])  # fmt: skip
FOLDERS = st.sampled_from(["", "2024", "2024/05", "__pycache__", "2024/__pycache__", "x__pycache__", ".hidden"])


@quick
@given(st.lists(st.tuples(FOLDERS, NAMES), max_size=12), st.booleans(), st.booleans())
def test_which_files_are_scripts(files: list[tuple[str, str]], recursive: bool, sourceless: bool) -> None:
    """The list of files, against Alembic's own walk and its own choice of names, with the loading taken out."""
    with tempfile.TemporaryDirectory() as folder:
        versions = Path(folder).resolve() / "versions"
        versions.mkdir()
        for below, name in files:
            (versions / below).mkdir(parents=True, exist_ok=True)
            (versions / below / name).write_text("revision = 'x'\ndown_revision = None\n")
        real = ScriptDirectory(folder, recursive_version_locations=recursive, sourceless=sourceless)
        loaded = [path for path in Script._list_py_dir(real, versions) if _loads(real, path)]
        flags = f"recursive_version_locations = {str(recursive).lower()}\nsourceless = {str(sourceless).lower()}\n"
        config = _ini(versions.parent, f"[alembic]\nscript_location = {versions.parent}\n{flags}")
        history = read_history(read(versions.parent), locate(config, cwd=folder))
        assert sorted(history.scripts) == sorted(map(str, loaded))


def _loads(real: ScriptDirectory, path: Path) -> bool:
    from unittest import mock

    with mock.patch("alembic.util.load_python_file") as load:
        load.return_value.revision = "x"
        load.return_value.down_revision = None
        load.return_value.branch_labels = load.return_value.depends_on = None
        return Script._from_path(real, path) is not None


VALUES = st.sampled_from([
    "a", "a/b", "%(here)s/x", "/abs/x", "a b", "a, b", "a:b", "a;b", "a  b,c", "%(here)s/a:%(here)s/b",
    "\n    a\n    b", "",
])  # fmt: skip
SEPARATORS = st.sampled_from([None, "os", "space", "newline", ":", ";"])


@quick
@given(VALUES, SEPARATORS, SEPARATORS, st.booleans())
def test_version_locations(value: str, separator: str | None, old: str | None, in_default: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        home = Path(folder).resolve()
        text = f"script_location = s\nversion_locations = {value}\n"
        text += f"path_separator = {separator}\n" if separator else ""
        text += f"version_path_separator = {old}\n" if old else ""
        text = f"[DEFAULT]\n{text}\n[alembic]\n" if in_default else f"[alembic]\n{text}"
        ini = _ini(home, text)
        config = Config(home / "alembic.ini")
        real = config.get_version_locations_list()
        ours = locate(ini, cwd=str(home)).version_locations
        expected = [str(home / each) for each in real] if real else [str(home / "s" / "versions")]
        plain = [(mine, theirs) for mine, theirs in zip(ours, expected, strict=True) if not _package(theirs, home)]
        assert [mine for mine, _ in plain] == [theirs.rstrip("/") for _, theirs in plain]


def _package(path: str, home: Path) -> bool:
    return ":" in path.removeprefix(str(home))


def _ini(folder: Path, text: str):  # type: ignore[no-untyped-def]
    (folder / "alembic.ini").write_text(text)
    return parse_config(text, str(folder / "alembic.ini"))
