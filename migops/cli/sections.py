"""Several sections of one ini: each is a history of its own, and all are told together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from migops.cli.output import put, view_of
from migops.core.errors import ExitCode, MigopsError
from migops.core.printed import again

if TYPE_CHECKING:
    from migops.target import Target

Result = TypeVar("Result")
_WORST = (ExitCode.NO_VERDICT, ExitCode.FINDINGS, ExitCode.CLEAN)


def together(
    answer: str, resolved: Target, targets: Iterable[Target], given: Mapping[str, Any],
    judge: Callable[[Target], Result], code: Callable[[Result], ExitCode],
) -> int:  # fmt: skip
    """Judge each history of the configuration, write all, and return the worst exit code. ``targets``: one for each.

    MigopsError for a format that draws one history.
    """
    from migops.output import documents_together, formats, is_document, render

    format_ = str(given["format_"])
    is_text = format_ == formats(answer)[0]
    if not is_text and not is_document(format_):
        raise MigopsError(
            f"{format_} draws one history, and {resolved.config.name} has {len(resolved.sections)}, each in "
            f"a section: {', '.join(resolved.sections)}",
            hint="; or ".join(again("--name", section) for section in resolved.sections),
        )
    results: list[tuple[str, Result]] = []
    texts = []
    for target in targets:
        result = judge(target)
        results.append((target.section, result))
        if is_text:
            texts.append(f"section {target.section}\n{render(answer, result, view_of(given), format_)}")
    text = "\n".join(texts) if texts else documents_together(answer, results, format_)
    put(text, given["output"])
    codes = {code(result) for _, result in results}
    return int(next(worst for worst in _WORST if worst in codes))
