"""Broken histories: each problem with its rule, file and line; and what later commands ask of a graph."""

from __future__ import annotations

import time

from migops.core.model import Revision, Unreadable
from migops.migrations.build import build
from migops.migrations.graph import Graph


def revision(id_: str, *parents: str, needs: str = "", label: str = "", path: str = "") -> Revision:
    labels = (label,) if label else ()
    return Revision(id_, parents, (needs,) if needs else (), labels, path or f"/v/{id_}_x.py", line=3, down_line=4)


def problems(graph: Graph) -> list[tuple[str, str]]:
    return [(each.rule, str(each.at)) for each in graph.problems]


def test_a_line_of_five_thousand() -> None:
    line = [revision(str(number), *([str(number - 1)] if number else [])) for number in range(5000)]
    before = time.process_time()
    graph = build(reversed(line))
    assert graph.pending(["4990"]) == tuple(str(number) for number in range(4991, 5000))
    assert time.process_time() - before < 2
    assert (graph.heads, graph.bases, graph.problems) == (("4999",), ("0",), ())


def test_missing_parents_say_what_was_meant() -> None:
    graph = build([revision("a1b2c3"), revision("b", "a1b2c3_x.py"), revision("c", "a1b2"), revision("d", "")])
    missing = [(str(each.at), each.hint) for each in graph.problems if each.rule == "MIG302"]
    assert [at for at, _ in missing] == ["/v/b_x.py:4", "/v/c_x.py:4", "/v/d_x.py:4"]
    assert missing[0][1].startswith("that is a file name")
    assert "'a1b2c3'" in missing[1][1]
    assert "down_revision = None" in missing[2][1]
    assert graph.bases == ("a1b2c3",)


def test_a_missing_dependency() -> None:
    assert problems(build([revision("a", needs="gone")])) == [("MIG302", "/v/a_x.py:4")]
    assert problems(build([revision("a", label="x"), revision("b", "a", needs="x")])) == []


def test_a_copy_is_kept_and_both_files_are_named() -> None:
    graph = build([revision("a"), revision("b", "a"), revision("b", "a", path="/v/z.py"), revision("c", "b")])
    assert [each.path for each in graph.revisions].count("/v/z.py") == 1
    assert len(graph.revisions) == 4
    assert graph.heads == ("b", "c")  # Alembic's own, misleading answer
    (problem,) = graph.problems
    assert (problem.rule, str(problem.at)) == ("MIG303", "/v/z.py:3")
    assert "/v/b_x.py, /v/z.py" in problem.message


def test_a_label_used_twice() -> None:
    graph = build([revision("a", label="x"), revision("b", "a", label="x")])
    assert problems(graph) == [("MIG303", "/v/b_x.py:3")]


def test_circles() -> None:
    loop = build([revision("a", "a")])
    assert problems(loop) == [("MIG304", "/v/a_x.py:4")]
    circle = build([revision("a", "c"), revision("b", "a"), revision("c", "b"), revision("d")])
    (found,) = [each for each in circle.problems if each.rule == "MIG304"]
    assert set(found.revisions) == {"a", "b", "c"}
    assert len(circle.revisions) == 4
    needs = build([revision("a", needs="b"), revision("b", "a")])
    assert "depends_on" in next(each.message for each in needs.problems if each.rule == "MIG304")


def test_several_heads_name_their_branches() -> None:
    graph = build([revision("a"), revision("b", "a", label="north"), revision("c", "b"), revision("d", "a")])
    (problem,) = graph.problems
    assert (problem.rule, problem.revisions) == ("MIG301", ("c", "d"))
    assert "c (north), d" in problem.message


def test_an_empty_history_is_a_problem_and_an_unreadable_one_is_another() -> None:
    assert problems(build([], folder="/v")) == [("MIG305", "/v")]
    assert problems(build([], [Unreadable("/v/x.py", 7, "why")])) == [("MIG306", "/v/x.py:7")]


def test_dependencies_count_for_effective_heads_and_for_what_is_pending() -> None:
    graph = build([revision("a"), revision("b", "a"), revision("n"), revision("m", "n", needs="b")])
    assert (graph.heads, graph.effective_heads) == (("b", "m"), ("m",))
    assert graph.ancestors(["m"]) == {"m", "n", "b", "a"}
    assert graph.ancestors(["m"], dependencies=False) == {"m", "n"}
    assert graph.descendants(["a"]) == {"a", "b", "m"}
    assert graph.pending(["m"]) == ()
    assert set(graph.pending(["n"], ["m"])) == {"a", "b", "m"}
    assert graph.pending(["gone"]) == graph.pending([])
