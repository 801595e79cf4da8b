"""A project whose compose file is a text: its findings, the fix of one, and the files after it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from migops import collect
from migops.analysis.evidence import Evidence
from migops.collect.database_query import Ask
from migops.commands.fix.model import Fix, NotFixed
from migops.commands.fix.registry import FIXERS
from migops.compose import ComposeOptions
from migops.core.model import Finding
from migops.rules import RULES, judge
from migops.target import Wanted, resolve
from tests.cases.shop import Shop

OPTIONS = ComposeOptions()


def evidence_of(shop: Shop, options: ComposeOptions = OPTIONS) -> Evidence:
    """What ``doctor --no-engine`` reads."""
    target = resolve(Wanted(service="app", command="doctor", needs_image=False), options, {}, shop.folder)
    return collect.check(target, None, ask=Ask("", 2.0), lint=True)


def findings(shop: Shop, rule: str, options: ComposeOptions = OPTIONS) -> list[Finding]:
    return [each for each in judge(RULES, evidence_of(shop, options))[0] if each.rule == rule]


def fix_of(shop: Shop, rule: str, options: ComposeOptions = OPTIONS) -> Fix | NotFixed:
    """The fix of the rule's first finding."""
    evidence = evidence_of(shop, options)
    found = [each for each in judge(RULES, evidence)[0] if each.rule == rule]
    assert found, f"no {rule}"
    return FIXERS[rule](evidence, found[0])


def fixed(shop: Shop, rule: str, options: ComposeOptions = OPTIONS) -> Mapping[str, bytes]:
    """Apply the fix of the rule's first finding; the new contents by file name. The finding must then be gone."""
    fix = fix_of(shop, rule, options)
    assert isinstance(fix, Fix), fix
    for edit in fix.edits:
        assert edit.before == edit.path.read_bytes()
        assert edit.after is not None
        edit.path.write_bytes(edit.after)
    assert findings(shop, rule, options) == []
    return {edit.path.name: edit.after for edit in fix.edits if edit.after is not None}


def refused(shop: Shop, rule: str, options: ComposeOptions = OPTIONS) -> str:
    """Why the rule's first finding is not fixed."""
    before = {path: path.read_bytes() for path in shop.folder.rglob("*") if path.is_file()}
    fix = fix_of(shop, rule, options)
    assert isinstance(fix, NotFixed), fix
    assert before == {path: path.read_bytes() for path in shop.folder.rglob("*") if path.is_file()}
    return fix.reason


def shop_at(folder: Path) -> Shop:
    """A shop with one migration."""
    return Shop.at(folder).line("001")
