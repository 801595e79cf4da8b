"""The whole corpus: what ``docker compose config`` printed of real projects, and what it refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from migops.compose import load
from migops.compose.verify import Difference, differences
from tests.compose.support import CORPUS, PLACE, Case, corpus, options

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus beside the repository ({CORPUS.parent.name}/)")

ANY_ORDER = ("additional properties", "decoding failed")
"""Messages in which compose lists names in the random order of Go's maps."""

NEWER = {
    "inline-cgo--loader-include-L44": "a service of the included file and of the including one is merged (compose 5.0)",
    "inline-cgo--loader-include-L71": "the same, with !override",
    "inline-cgo--loader-normalize-L381": "`pre_start` (compose 5.3)",
    "inline-cgo--loader-tests-build_extra-L177": "`build.no_cache_filter` (compose 5.0)",
    "inline-cgo--loader-tests-service_hooks-L29": "`pre_start` (compose 5.3)",
}
"""Cases that 2.40.3 refuses and compose 5 reads, each with the reason: migops reads them as compose 5 does."""

CARRIED = {
    "inline-cgo--loader-loader-L1165": "foo",
    "inline-cgo--types-project-L589": "content",
}
"""Cases that compose refuses for this key, which migops does not know: it is carried along with a warning."""


@dataclass
class Tally:
    accepted: int = 0
    equal_on_keys: int = 0
    equal: int = 0
    refused: int = 0
    refused_too: int = 0
    same_words: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"accepted by compose: {self.accepted}; equal on the keys migops uses: {self.equal_on_keys}; "
            f"equal as whole documents: {self.equal}. Refused by compose: {self.refused}; refused by us: "
            f"{self.refused_too}, in its words at a file and line: {self.same_words}"
        )

    def judge(self, case: Case, folder: Path) -> None:
        document, refusal = case.read(folder)
        if case.document is not None:
            self.accepted += 1
            found = [] if refusal else differences(document, case.document)
            self.equal += not (found or refusal)
            self.equal_on_keys += not (refusal or any(one.matters for one in found))
            if found or refusal:
                self.wrong.append(f"{case.name}: {refusal or [_show(one) for one in found[:3]]}")
        elif case.refusal is not None:
            self.refused += 1
            self.refused_too += refusal is not None
            if refusal is None:
                self.wrong.append(f"{case.name}: accepted, but compose says {case.refusal}")
            elif not (refusal.at and refusal.at.line and _says(refusal.message, case.refusal, folder, case.name)):
                self.wrong.append(f"{case.name}: says {refusal}\n    compose says {case.refusal}")
            else:
                self.same_words += 1


def _show(one: Difference) -> str:
    return f"{'.'.join(one.path)}: ours {one.ours}, theirs {one.theirs}"


def _says(message: str, wanted: str, folder: Path, case: str) -> bool:
    if wanted.startswith("timeout"):
        return True  # compose hung on an alias bomb; we refuse it
    said, words = _words(message.replace(f"{folder}/{case}", "")), _words(wanted)
    if any(text in wanted for text in ANY_ORDER):
        return set(words) <= set(said)
    return " ".join(words) in " ".join(said)


def _words(text: str) -> list[str]:
    return text.replace(PLACE, "").replace(",", " ").split()


def test_the_corpus_is_read_as_compose_reads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    for number, case in enumerate(case for case in corpus() if case.name not in {*NEWER, *CARRIED}):
        folder = tmp_path / str(number)
        folder.mkdir()
        tally.judge(case, folder)
    with capsys.disabled():
        print(f"\ncompose corpus: {tally}")
    assert tally.accepted >= 388
    assert tally.refused >= 153 - len(NEWER) - len(CARRIED)
    assert tally.equal_on_keys == tally.equal == tally.accepted, "\n".join(tally.wrong)
    assert tally.same_words == tally.refused_too == tally.refused, "\n".join(tally.wrong)


def test_what_only_compose_5_reads_is_read(tmp_path: Path) -> None:
    newer = [case for case in corpus() if case.name in NEWER]
    assert {case.name for case in newer} == NEWER.keys()
    for case in newer:
        assert case.refusal, f"{case.name}: 2.40.3 reads it too, so it is no difference"
        document, refusal = case.read(tmp_path)
        assert refusal is None, f"{case.name} ({NEWER[case.name]}): {refusal}"
        assert document["services"]


def test_a_key_that_is_not_known_is_a_warning_in_the_corpus_too(tmp_path: Path) -> None:
    carried = [case for case in corpus() if case.name in CARRIED]
    assert {case.name for case in carried} == CARRIED.keys()
    for case in carried:
        project = load(options(case.arguments), {"HOME": "/home/ci"}, cwd=str(case.copy(tmp_path)))
        assert [key.path[-1] for key in project.unknown_keys] == [CARRIED[case.name]]
        assert case.refusal is not None
        assert f"additional properties '{CARRIED[case.name]}' not allowed" in case.refusal


def test_a_difference_would_be_seen(tmp_path: Path) -> None:
    """The judge itself: another document, or another message, counts as wrong."""
    good = next(case for case in corpus() if case.name == "awesome--fastapi")
    changed: Any = {**good.document, "name": "other"}
    tally = Tally()
    tally.judge(Case(good.name, good.source, good.arguments, good.run_in, changed, None), tmp_path)
    assert (tally.accepted, tally.equal, tally.equal_on_keys) == (1, 0, 0)
