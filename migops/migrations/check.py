"""Problems of a migration history, each with its rule, file and line. The check does not stop at the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from migops.core.model import Location, Revision
from migops.core.printed import explain
from migops.migrations.graph import Graph
from migops.migrations.problem import Problem


def check(graph: Graph, files: tuple[Revision, ...], folder: str) -> tuple[Problem, ...]:
    """Every problem of a graph, sorted by rule. ``files`` are its revisions in file order, ``folder`` their folder."""
    problems = [
        *_heads(graph),
        *_missing(graph),
        *_duplicates(files),
        *_labels(files, graph.by_id),
        *_cycles(graph),
        *(Problem("MIG306", Location(script.path, script.line), script.reason) for script in graph.unreadable),
    ]
    if not files and not graph.unreadable:
        problems.append(Problem("MIG305", Location(folder), "the folder has no migration scripts"))
    return tuple(sorted(problems, key=lambda problem: problem.rule))


def _heads(graph: Graph) -> Iterator[Problem]:
    # A copy of a script is a head to Alembic as well, but no merge would fix it: MIG303 reports that.
    heads = [revision for revision in graph.by_id.values() if revision.id not in graph.children]
    if len(heads) > 1:
        branches = graph.branch_labels()
        shown = [f"{head.id} ({', '.join(branches[head.id])})" if head.id in branches else head.id for head in heads]
        yield Problem(
            "MIG301",
            Location(heads[-1].path, heads[-1].line),
            f"{len(heads)} heads: {', '.join(shown)}; `alembic upgrade head` refuses",
            revisions=tuple(revision.id for revision in heads),
            hint=f"join them with a merge revision (see `{explain('MIG301')}`)",
        )


def _missing(graph: Graph) -> Iterator[Problem]:
    for revision in graph.revisions:
        at = Location(revision.path, revision.down_line or revision.line)
        for parent in revision.parents:
            if parent not in graph.by_id:
                message = f"revision {revision.id} follows {parent!r}, which has no script"
                yield Problem("MIG302", at, message, (revision.id,), _lost(parent, graph))
        for needed in revision.depends_on:
            if needed not in graph.by_id and needed not in graph.labels:
                message = (
                    f"revision {revision.id} depends on {needed!r}, which is neither a revision nor a branch label"
                )
                yield Problem("MIG302", at, message, (revision.id,), _lost(needed, graph))


def _lost(wanted: str, graph: Graph) -> str:
    """A hint to the likely cause of a missing parent, the most frequent mistakes first."""
    if not wanted:
        return "an empty string is not None: for the first revision write down_revision = None"
    for revision in graph.revisions:
        if revision.path.rpartition("/")[2].removesuffix(".py") == wanted.removesuffix(".py"):
            return f"that is a file name; the revision in the file is {revision.id!r}"
    longer = [revision for revision in graph.by_id if revision.startswith(wanted) or wanted.startswith(revision)]
    if len(longer) == 1:
        return f"did you mean {longer[0]!r}?"
    if graph.unreadable:
        unread = sorted({revision.path for revision in graph.unreadable})
        return f"it may be in a script that migops cannot read: {', '.join(unread[:3])}"
    return "restore its file, or set down_revision to the revision that replaces it"


def _duplicates(files: tuple[Revision, ...]) -> Iterator[Problem]:
    for identifier, count in Counter(revision.id for revision in files).items():
        if count > 1:
            same = [revision for revision in files if revision.id == identifier]
            yield Problem(
                "MIG303",
                Location(same[-1].path, same[-1].line),
                f"revision {identifier} is in {count} files: {', '.join(copy.path for copy in same)}; Alembic uses the "
                "last one and reports the others as heads",
                (identifier,),
                "delete the copy, or give it its own id",
            )


def _labels(files: tuple[Revision, ...], by_id: Mapping[str, Revision]) -> Iterator[Problem]:
    owners: dict[str, str] = {revision: revision for revision in by_id}
    for revision in files:
        for label in revision.branch_labels:
            if label in owners:
                owner = owners[label]
                message = f"branch label {label!r} of revision {revision.id} is already used by revision {owner}"
                yield Problem("MIG303", Location(revision.path, revision.line), message, (revision.id, owner))
            owners.setdefault(label, revision.id)


def _cycles(graph: Graph) -> Iterator[Problem]:
    parents = {node.id: node.parents for node in graph.by_id.values()}
    cycles = [(cycle, "down_revision") for cycle in components(parents)]
    inside = {node for cycle, _ in cycles for node in cycle}
    both = {node: graph.below(node) for node in parents}
    cycles += [(cycle, "depends_on") for cycle in components(both) if not inside.intersection(cycle)]
    for cycle, kind in cycles:
        first = graph.by_id[cycle[0]]
        at = Location(first.path, first.down_line or first.line)
        if len(cycle) == 1:
            yield Problem("MIG304", at, f"revision {first.id} names itself in {kind}", cycle)
        else:
            yield Problem("MIG304", at, f"{kind} forms a cycle: {' → '.join((*cycle, cycle[0]))}", cycle)


def components(below: Mapping[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The cycles of a graph: its strongly connected components of more than one node, and nodes that name themselves.

    Tarjan's algorithm with an explicit stack, as histories are longer than Python's recursion limit. Each component is
    listed along one of its cycles where possible.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    cycles: list[tuple[str, ...]] = []
    for root in below:
        if root in index:
            continue
        work = [(root, iter(below[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, following = work[-1]
            for child in following:
                if child not in below:
                    continue
                if child not in index:
                    index[child] = low[child] = len(index)
                    stack.append(child)
                    on_stack.add(child)
                    work.append((child, iter(below[child])))
                    break
                if child in on_stack:
                    low[node] = min(low[node], index[child])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    part: list[str] = []
                    while not part or part[-1] != node:
                        part.append(stack.pop())
                        on_stack.discard(part[-1])
                    if len(part) > 1 or node in below[node]:
                        cycles.append(tuple(part))
    return cycles
