"""Problems of a history, each with its rule, file and line; checking does not stop at the first one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from migops.core.model import Location, Revision
from migops.core.printed import explain
from migops.migrations.graph import Graph
from migops.migrations.problem import Problem


def check(graph: Graph, files: tuple[Revision, ...], folder: str) -> tuple[Problem, ...]:
    """All problems of a graph, sorted by rule. ``files`` are its revisions in file order, ``folder`` their folder."""
    problems = [
        *_heads(graph),
        *_missing(graph),
        *_duplicates(files),
        *_labels(files, graph.by_id),
        *_cycles(graph),
        *(Problem("MIG306", Location(each.path, each.line), each.reason) for each in graph.unreadable),
    ]
    if not files and not graph.unreadable:
        problems.append(Problem("MIG305", Location(folder), "the folder has no migration scripts"))
    return tuple(sorted(problems, key=lambda each: each.rule))


def _heads(graph: Graph) -> Iterator[Problem]:
    # A copy of a script is a head to Alembic as well, but MIG303 reports that, and a merge would not fix it.
    heads = [each for each in graph.by_id.values() if each.id not in graph.children]
    if len(heads) > 1:
        branches = graph.branch_labels()
        shown = [f"{each.id} ({', '.join(branches[each.id])})" if each.id in branches else each.id for each in heads]
        yield Problem(
            "MIG301",
            Location(heads[-1].path, heads[-1].line),
            f"{len(heads)} heads: {', '.join(shown)}; `alembic upgrade head` refuses",
            revisions=tuple(each.id for each in heads),
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
    """Where a missing parent may be: the usual slips first."""
    if not wanted:
        return "an empty string is not None: for the first revision write down_revision = None"
    for each in graph.revisions:
        if each.path.rpartition("/")[2].removesuffix(".py") == wanted.removesuffix(".py"):
            return f"that is a file name; the revision in the file is {each.id!r}"
    longer = [each for each in graph.by_id if each.startswith(wanted) or wanted.startswith(each)]
    if len(longer) == 1:
        return f"did you mean {longer[0]!r}?"
    if graph.unreadable:
        unread = sorted({each.path for each in graph.unreadable})
        return f"it may be in a script that migops cannot read: {', '.join(unread[:3])}"
    return "restore its file, or set down_revision to the revision that replaces it"


def _duplicates(files: tuple[Revision, ...]) -> Iterator[Problem]:
    for identifier, count in Counter(each.id for each in files).items():
        if count > 1:
            same = [each for each in files if each.id == identifier]
            yield Problem(
                "MIG303",
                Location(same[-1].path, same[-1].line),
                f"revision {identifier} is in {count} files: {', '.join(each.path for each in same)}; Alembic uses the "
                "last one and reports the others as heads",
                (identifier,),
                "delete the copy, or give it its own id",
            )


def _labels(files: tuple[Revision, ...], by_id: Mapping[str, Revision]) -> Iterator[Problem]:
    owners: dict[str, str] = {each: each for each in by_id}
    for each in files:
        for label in each.branch_labels:
            if label in owners:
                message = f"branch label {label!r} of revision {each.id} is already used by revision {owners[label]}"
                yield Problem("MIG303", Location(each.path, each.line), message, (each.id, owners[label]))
            owners.setdefault(label, each.id)


def _cycles(graph: Graph) -> Iterator[Problem]:
    parents = {each.id: each.parents for each in graph.by_id.values()}
    cycles = [(cycle, "down_revision") for cycle in components(parents)]
    inside = {each for cycle, _ in cycles for each in cycle}
    both = {each: graph.below(each) for each in parents}
    cycles += [(cycle, "depends_on") for cycle in components(both) if not inside.intersection(cycle)]
    for cycle, kind in cycles:
        first = graph.by_id[cycle[0]]
        at = Location(first.path, first.down_line or first.line)
        if len(cycle) == 1:
            yield Problem("MIG304", at, f"revision {first.id} names itself in {kind}", cycle)
        else:
            yield Problem("MIG304", at, f"{kind} forms a cycle: {' → '.join((*cycle, cycle[0]))}", cycle)


def components(below: Mapping[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The cycles of a graph: its strongly connected parts of more than one node, and nodes that name themselves.

    Tarjan's algorithm with a stack of its own, as histories are longer than Python's is deep. Each part is listed
    along one way round, as far as it has one.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    parts: list[tuple[str, ...]] = []
    for root in below:
        if root in index:
            continue
        work = [(root, iter(below[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, following = work[-1]
            for neighbour in following:
                if neighbour not in below:
                    continue
                if neighbour not in index:
                    index[neighbour] = low[neighbour] = len(index)
                    stack.append(neighbour)
                    on_stack.add(neighbour)
                    work.append((neighbour, iter(below[neighbour])))
                    break
                if neighbour in on_stack:
                    low[node] = min(low[node], index[neighbour])
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
                        parts.append(tuple(part))
    return parts
