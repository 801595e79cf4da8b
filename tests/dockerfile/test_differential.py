"""Our reading against BuildKit itself: the recorded cases, and made-up ones, many in one build.

What differs here becomes a case in ``cases.py``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from migops.core.errors import MigopsError
from migops.dockerfile.trace import BuildView, trace
from tests.dockerfile.buildkit import (
    BuildFailedError,
    Case,
    Listing,
    build,
    build_all,
    build_contexts,
    make_tree,
    our_view,
    predicted,
)
from tests.dockerfile.cases import FILES
from tests.dockerfile.record import RECORDED, outcomes
from tests.engine.engine import Engine

pytestmark = pytest.mark.engine

# Shrinking would cost a build a step: what is found is small enough to be read as it is.
_made_up = settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

_SOURCES = """
    . a a/ a/b /a ./a/./b * a* *.py a/*.py */a.py [ab] [^a]* link link/ link/b flink a/up sub/link abslink a/?.py
    a/\\[x\\].py a/[[]x].py **/a.py d abc ab c.py a/../b no* l* a/b/c/d.py link/*.py */b b/ab ../a ignored *.log
"""
_DESTINATIONS = "/d1 /d /d/ d d/ ./ . /d/e/f /d/../g /d/. / /z/c.py x/y/ /d//q/"
_WORKDIRS = "/w w/v /w/ /d v ../u ./t"
_PARTS = """
    a b ab * ** ? a* *b *.py [ab] [^a]* [a-b]? d \\[x\\] [[]x] .. . c.py é A **a a** ?* [!a] #h ^a [^b] *.* a.d k.py \\a
    (a)
"""
_WORDS = (
    *("$A", "${A}", "${E}", "${U}", "${U:-d}", "${U-d}", "${E:-d}", "${E-d}", "${A:+s}", "${E:+s}", "${E+s}", "${U+s}"),
    *("${P#*/}", "${P##*/}", "${P%/*}", "${P%%/*}", "${P/b/X}", "${P//b/X}", "${P/?b/X}", "${U:-${A}}", "${U:-'a b'}"),
    *(
        "x",
        "y ",
        "\\$",
        "\\\\",
        '\\"',
        '"',
        "'",
        '"q $A"',
        "'q $A'",
        '"\\a\\""',
        "$",
        "$1",
        "é",
        "#",
        "=",
        "\\n",
        "a\\b",
    ),
)
_IGNORED_TREE = {
    **{f"d/{name}": "1" for name in ("[x]", "ab", "c.py", "b.py", "é", "A", "^a", "zz.d/a")},
    **{f"d/a/{name}": "2" for name in ("[x]", "ab", "c.py", "b", "é", "A", "a")},
    **{f"{name}.d/{name}/k.py": "3" for name in ("a", "b", "ab")},
    "a/b/a/b": "5",
    "ab/c/c.py": "6",
    "#h": "7",
    "b/link": "-> ../a",
    "c.py": "8",
    "é": "9",
    "(a)": "10",
    "b/b.py": "11",
}


def _one_of(words: str) -> st.SearchStrategy[str]:
    return st.sampled_from(words.split())


@st.composite
def _copies(draw: st.DrawFn) -> Case:
    lines = [f"WORKDIR {one}" for one in draw(st.lists(_one_of(_WORKDIRS), max_size=2))]
    for _ in range(draw(st.integers(1, 3))):
        sources = draw(st.lists(_one_of(_SOURCES), min_size=1, max_size=3))
        lines.append(f"{draw(_one_of('COPY COPY ADD'))} {' '.join(sources)} {draw(_one_of(_DESTINATIONS))}")
    return Case("\n".join(lines))


@st.composite
def _expansions(draw: st.DrawFn) -> Case:
    word = "".join(draw(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=4)))
    set_up = "ENV A=aa E= P=a/b/ab.tar.gz\n"
    forms = ("ENV R={}\nCOPY <<E /r\n[$R]\nE", "ENV R {}\nCOPY <<E /r\n[$R]\nE", "ARG R={}\nCOPY <<E /r\n[$R]\nE")
    form = draw(st.sampled_from((*forms, "COPY <<E /r\n[{}]\nE", "COPY <<'E' /r\n[{}]\nE", "COPY c.py /z{}/")))
    return Case(set_up + form.format(word))


@st.composite
def _ignore_files(draw: st.DrawFn) -> str:
    lines = []
    for _ in range(draw(st.integers(1, 5))):
        parts = draw(st.lists(_one_of(_PARTS), min_size=1, max_size=3))
        lines.append(draw(st.sampled_from(("", "", "", "!", "/", "  "))) + "/".join(parts) + draw(_one_of("x x /"))[1:])
    return draw(st.sampled_from(("", "", "", "\ufeff"))) + draw(st.sampled_from(("\n", "\n", "\r\n"))).join(lines)


@pytest.fixture(scope="module", autouse=True)
def _todays_language(engine: Engine) -> None:
    if int(engine.version.split(".")[0]) < 23:
        pytest.skip(f"Engine {engine.version} reads an older Dockerfile language: no heredocs, no named contexts")


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("differential") / "context"
    make_tree(root, FILES)
    return root


def _check(engine: Engine, context: Path, cases: Sequence[Case], out: Path) -> None:
    """Hold every case against BuildKit. What BuildKit refuses as a whole is halved until the culprit is alone."""
    try:
        built = build_all(engine.env, context, cases, out / "all")
    except BuildFailedError as error:
        if len(cases) == 1:
            # Only a merge of two folders that disagree on what is a folder fails unforeseen: it is never laid out here.
            if "cannot copy to non-directory" in str(error) or "cannot replace to directory" in str(error):
                return
            raise
        half = len(cases) // 2
        for number, part in enumerate((cases[:half], cases[half:])):
            _check(engine, context, part, out / str(number))
        return
    assert {one.instructions: dict(predicted(our_view(context, one))) for one in cases} == {
        one.instructions: dict(got) for one, got in zip(cases, built, strict=True)
    }


def _foreseen(context: Path, case: Case) -> bool:
    """Whether we say that the build fails."""
    try:
        return bool(our_view(context, case).failures)
    except MigopsError:
        return True


def test_the_recorded_outcomes_are_still_true(engine: Engine, tmp_path: Path) -> None:
    assert outcomes(engine.env, tmp_path) == json.loads(RECORDED.read_text())


@given(cases=st.lists(_copies(), min_size=30, max_size=30))
@_made_up
def test_copies(engine: Engine, context: Path, tmp_path_factory: pytest.TempPathFactory, cases: list[Case]) -> None:
    _hold(engine, context, tmp_path_factory.mktemp("out"), cases)


@given(cases=st.lists(_expansions(), min_size=40, max_size=40))
@_made_up
def test_expansions(engine: Engine, context: Path, tmp_path_factory: pytest.TempPathFactory, cases: list[Case]) -> None:
    _hold(engine, context, tmp_path_factory.mktemp("out"), cases)


def _hold(engine: Engine, context: Path, out: Path, cases: list[Case]) -> None:
    failing = [one for one in cases if _foreseen(context, one)]
    _check(engine, context, [one for one in cases if one not in failing], out)
    for number, one in enumerate(failing[:3]):
        with pytest.raises(BuildFailedError):
            build(engine.env, context, one.dockerfile, out / f"failing{number}")


@given(texts=st.lists(_ignore_files(), min_size=40, max_size=40))
@_made_up
def test_ignore_files(engine: Engine, tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    root = tmp_path_factory.mktemp("ignore")
    contexts: list[Path] = []
    ours: list[Listing] = []
    for text in texts:
        folder = root / f"c{len(contexts)}"
        make_tree(folder, _IGNORED_TREE)
        (folder / ".dockerignore").write_bytes(text.encode())
        try:
            view = our_view(folder, Case("COPY . /"))
        except MigopsError:
            with pytest.raises(BuildFailedError):
                build(engine.env, folder, "FROM scratch\nCOPY . /\n", root / f"{folder.name}.out")
            continue
        contexts.append(folder)
        ours.append(predicted(view))
    built = build_contexts(engine.env, contexts, root / "out")
    for folder, expected, got in zip(contexts, ours, built, strict=True):
        # A file that BuildKit lets in by name alone arrives empty: to us it is kept out.
        arrived = {path: text for path, text in got.items() if text or path in expected}
        assert arrived == dict(expected), (folder / ".dockerignore").read_text()


def test_the_file_that_arrives_empty(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "context"
    make_tree(folder, {".dockerignore": "*\n!a/b\na\n", "a/b": "content"})
    (excluded,) = our_view(folder, Case("COPY . /")).excluded_under("/a")
    assert excluded.ignored_by.line == 3
    assert build(engine.env, folder, "FROM scratch\nCOPY . /\n", tmp_path / "out") == {"/a/b": ""}


@pytest.mark.parametrize("own", ["a\n", ""])
def test_the_dockerfiles_own_ignore_file(engine: Engine, tmp_path: Path, own: str) -> None:
    folder = tmp_path / "context"
    make_tree(folder, {".dockerignore": "b\n", "a": "1", "b": "2"})
    (tmp_path / "context.build.Dockerfile.dockerignore").write_text(own)
    built = build(engine.env, folder, "FROM scratch\nCOPY . /\n", tmp_path / "out")
    view = trace(tmp_path / "context.build.Dockerfile", folder)
    assert isinstance(view, BuildView)
    assert dict(predicted(view)) == dict(built)
