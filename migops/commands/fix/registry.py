"""Which rules have a fixer: one line a rule. A rule without a line is not edited; its finding prints the fix."""

from __future__ import annotations

from collections.abc import Mapping

from migops.commands.fix import ignore_fixers, ini_fixers, script_fixers, url_fixers
from migops.commands.fix.compose_edits.one_container import no_container_name, no_fixed_port
from migops.commands.fix.compose_edits.one_shot import one_shot
from migops.commands.fix.compose_edits.readiness import of_project, over_tcp, wait_until_ready
from migops.commands.fix.model import Fixer

FIXERS: Mapping[str, Fixer] = {
    "MIG004": ignore_fixers.no_migrations,
    "MIG005": script_fixers.bytecode,
    "MIG104": ignore_fixers.excluded_scripts,
    "MIG106": ignore_fixers.env_file,
    "MIG108": script_fixers.start_script,
    "MIG501": ini_fixers.percent,
    "MIG503": url_fixers.credentials,
    "MIG504": url_fixers.percent,
    "MIG505": ini_fixers.deprecated,
    "MIG508": url_fixers.no_url,
    "MIG601": script_fixers.create_all,
    "MIG602": of_project(one_shot),
    "MIG801": of_project(wait_until_ready),
    "MIG803": of_project(over_tcp),
    "MIG808": of_project(no_container_name),
    "MIG809": of_project(no_fixed_port),
}
