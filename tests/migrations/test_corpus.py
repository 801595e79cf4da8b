"""Every graph of the corpus: what real Alembic said of real projects, and what we say of them."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path

import pytest

from migops.migrations.build import build
from migops.migrations.config import ConfigFile, parse_config
from migops.migrations.folders import Folders
from migops.migrations.locate import locate
from migops.migrations.scripts import read_history
from tests.migrations.trees import tree

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "alembic"


def _rows() -> list[dict[str, str]]:
    if not CORPUS.is_dir():
        return []
    with (CORPUS / "EXPECTED.tsv").open() as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def sources() -> dict[str, dict[str, str | bytes]]:
    """Each case's files, by absolute path: revision scripts of their identifier lines, and configuration."""
    files: dict[str, dict[str, str | bytes]] = defaultdict(dict)
    for line in (CORPUS / "GRAPH.jsonl").read_text().splitlines():
        script = json.loads(line)
        files[script["case"]]["/" + script["file"]] = '"""Revises: nothing"""\n' + "\n".join(script["source"]) + "\n"
    for path in (CORPUS / "config").rglob("*"):
        if path.is_file():
            case, _, name = path.relative_to(CORPUS / "config").as_posix().partition("/")
            files[case]["/" + name] = path.read_bytes()
    return files


WHY_ALEMBIC_DIES = {
    "dispatch:plain": ("MIG502", "/src/dispatch/alembic.ini", 0),
    "broken--dispatch-2021-06-15-core-tenant-split:core": (
        "MIG302", "/src/dispatch/database/revisions/core/versions/2021-06-02_f011c050b9ba.py", 3,
    ),
    "broken--dispatch-2021-06-15-core-tenant-split:tenant": (
        "MIG302", "/src/dispatch/database/revisions/tenant/versions/2021-06-02_f011c050b9ba.py", 3,
    ),
    "broken--tasking-manager-2020-04-22-missing-parent": ("MIG302", "/migrations/versions/22e9a0e9b254_.py", 3),
    # The corpus leaves out the Python 2 script itself, so what can be seen is that its child has no parent.
    "py2--redash-2018-05-31": ("MIG302", "/migrations/versions/1daa601d3ae5_add_columns_for_disabled_users.py", 3),
}  # fmt: skip


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not part of the repository")
def test_the_corpus_is_whole() -> None:
    rows = _rows()
    assert len(rows) == 73
    assert {row["graph"] for row in rows if row["real_alembic_error_or_warnings"]} == set(WHY_ALEMBIC_DIES)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not part of the repository")
@pytest.mark.parametrize("row", _rows(), ids=lambda row: row["graph"])
def test_what_alembic_says(row: dict[str, str], sources: dict[str, dict[str, str | bytes]]) -> None:
    files = tree(sources[row["case"]])
    cwd = "/" if row["run_in"] == "." else f"/{row['run_in']}"
    ini, toml = _configs(row, cwd, sources[row["case"]])
    by_app = dict(pair.split("=", 1) for pair in row["options_set_by_app"].split("; ") if pair)
    paths = locate(ini, toml, cwd=cwd, exists=Folders(files).exists, set_by_app=by_app)
    history = read_history(files, paths)
    graph = build(history.revisions, history.unreadable)
    problems = (*history.problems, *graph.problems)

    if row["real_alembic_error_or_warnings"]:
        assert WHY_ALEMBIC_DIES[row["graph"]] in [(each.rule, each.at.file, each.at.line) for each in problems]
        return
    assert paths.script_location == f"/{row['script_location']}"
    assert [folder[1:] for folder in paths.version_locations] == _split(row["version_locations"])
    assert len(graph.revisions) == int(row["n_revisions"])
    assert sorted(graph.heads) == _split(row["heads"])
    assert sorted(graph.bases) == _split(row["bases"])
    assert len(graph.merges) == int(row["merges"])
    assert len(graph.branch_points) == int(row["branchpoints"])
    assert sum(bool(each.depends_on) for each in graph.revisions) == int(row["with_depends_on"])
    assert {each.rule for each in problems} <= _allowed(row)


def _allowed(row: dict[str, str]) -> set[str]:
    rules = {"MIG301"} if len(_split(row["heads"])) > 1 else set()
    rules |= {"MIG305", "MIG502"} if row["n_revisions"] == "0" else set()
    # neutron's labels are `(cli.EXPAND_BRANCH,)`: they cannot be told, the rest can.
    return rules | ({"MIG306"} if row["graph"] == "neutron" else set())


def _configs(
    row: dict[str, str], cwd: str, files: dict[str, str | bytes]
) -> tuple[ConfigFile | None, ConfigFile | None]:
    if row["config"] == "(none)":
        return None, None
    named = "/" + row["config"]
    beside = f"{cwd.rstrip('/')}/alembic.ini"
    if named.endswith("pyproject.toml"):
        return parse_config(files[beside], beside), parse_config(files[named], named)
    return parse_config(files[named], named, row["ini_section"]), None


def _split(text: str) -> list[str]:
    return text.split(",") if text else []
