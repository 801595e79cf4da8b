"""The steps that make the new image, and prove it: from then on it is known by its ID."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from migops import collect
from migops.analysis.chain import compare
from migops.commands.deploy import preflight, shell
from migops.commands.deploy.commands import rollback_tag
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.rollback import image_id
from migops.commands.deploy.services import DeployedService
from migops.commands.deploy.typed import typed
from migops.core.errors import Aborted, Failed
from migops.core.model import Absent, LinkStatus, MigrationSet, PlaceName, Unknown
from migops.core.printed import explain
from migops.core.text import listed
from migops.rules import RULES, judge
from migops.state import journal

UNPROVED = "unproved"
"""The end of the tag of an image that runs when a deploy begins, and that nothing proves."""
_CAUSES = ("MIG001", "MIG002", "MIG003", "MIG004", "MIG101", "MIG102", "MIG103", "MIG104", "MIG105")
"""Rules that say why a new image does not hold what the host holds, the plainest first."""


def tag_rollback_image(deploy: Deploy) -> dict[str, Any]:
    """Keep the images that run, and those that the tags name now, under names of their own: they are the way back.

    With the containerd store an image is gone as soon as its name means another, though containers run it.
    """
    kept: dict[str, dict[str, str | bool]] = {}
    named: dict[str, str] = {}
    for member in deploy.inputs.services:
        tagged = meaning(deploy, member.image_ref)
        if known := deploy.inputs.rollbacks.get(member.name):
            tag = _free(named, rollback_tag(member.image_ref), member, known.proved)
            for each in known.others:  # before the names that they have go over to another
                short = each.removeprefix("sha256:")[:12]
                deploy.engine.tag(each, f"{rollback_tag(member.image_ref)}-{member.name}-{short}")
            _spare(deploy, tag, known.proved)
            deploy.engine.tag(known.proved, tag)
            if known.current != known.proved:  # it runs, so it is kept as well, but not as what is proved
                other = _free(named, f"{rollback_tag(member.image_ref)}-{UNPROVED}", member, known.current)
                deploy.engine.tag(known.current, other)
            kept[member.name] = {
                "image": known.image, "tag": tag, "tagged": tagged, "proved": known.proved,
                "is_proved": known.is_proved,
            }  # fmt: skip
            deploy.record.old[member.name] = known.image
            deploy.record.tagged[member.name] = tagged or known.image
        deploy.record.left[member.image_ref] = tagged
    return {"images": kept, "containers": [each.id for m in deploy.inputs.services for each in m.containers]}


def _free(named: dict[str, str], tag: str, member: DeployedService, image: str) -> str:
    """The tag, or one of the service's own where the tag has another image: services of one name may run two images."""
    if named.setdefault(tag, image) != image:
        tag = f"{tag}-{member.name}"
        named[tag] = image
    return tag


def _spare(deploy: Deploy, tag: str, image: str) -> None:
    """What a deploy that was killed has kept gets a name of its own before the tag goes over to another image."""
    held = meaning(deploy, tag)
    if held and held != image and journal.interrupted(deploy.folder):
        deploy.engine.tag(held, f"{tag}-{deploy.log.run}")


def build(deploy: Deploy) -> dict[str, Any]:
    """Build the image, or fetch it where nothing here builds it."""
    inputs, options = deploy.inputs, deploy.options
    own = [each for each in inputs.services if is_own(inputs, each)]
    builds = [each for each in own if inputs.builder(each.name)]
    pulls = [each for each in own if options.fetch and not inputs.builder(each.name)]
    for services, words in (
        (builds, inputs.compose.build(builders(inputs, builds), cache=options.cache, pull=options.pull)),
        (pulls, inputs.compose.pull([each.name for each in pulls])),
    ):
        if services:
            ran = shell.run(deploy, words)
            _note_names(deploy, services, ended_well=not ran.code)
            if deploy.stop.came:
                raise Aborted(f"the build was stopped by {deploy.stop.name}")
            if ran.code:
                verb = "build" if services is builds else "pull"
                raise Aborted(
                    f"the {verb} failed with exit code {ran.code}, see the output above",
                    hint=_after_failed_build(inputs) if services is builds else "or deploy the local image (--no-pull)",
                    commands=[typed(inputs, options if services is builds else replace(options, fetch=False))],
                )  # fmt: skip
    target = inputs.target.service
    for member in inputs.services:
        if is_own(inputs, member):
            deploy.record.built[member.name] = str(deploy.engine.image(member.image_ref)["Id"])
    for member in inputs.services:
        if not is_own(inputs, member):
            deploy.record.built[member.name] = deploy.record.built[target]
    return {"images": dict(deploy.record.built)}


def _after_failed_build(inputs: DeployInputs) -> str:
    """What to correct before the next build, if a rule has seen it."""
    for finding in judge([rule for rule in RULES if rule.id == "MIG107"], inputs.evidence)[0]:
        edit = next(step.why for step in finding.remedy if not step.command)
        return f"{finding.rule} {finding.name}: {finding.message} ({finding.cause}); {edit}, then run this again"
    return "correct what failed, then run this again"


def builders(inputs: DeployInputs, services: Sequence[DeployedService]) -> list[str]:
    """The services whose builds make the images of these."""
    return list(dict.fromkeys(name for each in services if (name := inputs.builder(each.name))))


def is_own(inputs: DeployInputs, member: DeployedService) -> bool:
    """Whether the member's image is made by a build (or pull) of its own rather than being the target's."""
    return member.name == inputs.target.service or not member.shares


def _note_names(deploy: Deploy, services: Sequence[DeployedService], *, ended_well: bool) -> None:
    """Note what a build has left the names to mean. One that failed may have left anything, so that the names are its
    own only while the engine's lock keeps others away."""
    if not ended_well:
        deploy.check_engine()
    for member in services:
        deploy.record.left[member.image_ref] = meaning(deploy, member.image_ref)
    deploy.check_engine()


def put_tags(deploy: Deploy, images: Mapping[str, str]) -> None:
    """See that the name of each service's image means the image with that ID. One with a digest cannot mean another."""
    for ref, wanted in _wanted(deploy, images):
        if meaning(deploy, ref) != wanted:
            _tag(deploy, wanted, ref)


def give_back(deploy: Deploy, images: Mapping[str, str]) -> list[str]:
    """Undo: see to the same, but only of names that still mean what this run has left them to mean.

    The names that are left alone, because someone else has them mean another image now.
    """
    alone = []
    for ref, wanted in _wanted(deploy, images):
        now = meaning(deploy, ref)
        if now not in (wanted, deploy.record.left.get(ref, now)):
            deploy.say.line(
                f"{ref} points to {now[:19] or 'nothing'} now, and not the image that this run gave it: left as it is"
            )
            deploy.record.foreign[ref] = now
            alone.append(ref)
        elif now != wanted:
            _tag(deploy, wanted, ref)
    return alone


def _wanted(deploy: Deploy, images: Mapping[str, str]) -> list[tuple[str, str]]:
    """The names to give, each with its image. Services of one name may have two, one after the other."""
    found = [
        (each.image_ref, images.get(each.name, "")) for each in deploy.inputs.services if "@" not in each.image_ref
    ]
    return [(ref, wanted) for ref, wanted in dict.fromkeys(found) if wanted]


def _tag(deploy: Deploy, image_id: str, ref: str) -> None:
    """The engine cannot compare and set: so it is done under the lock, and read again."""
    deploy.check_engine()
    deploy.engine.tag(image_id, ref)
    if (now := meaning(deploy, ref)) != image_id:
        raise Failed(f"someone else pointed {ref} to {now[:19] or 'nothing'} at the same moment")
    deploy.record.left[ref] = image_id


def unbuild(deploy: Deploy) -> dict[str, Any]:
    """The names mean again what they meant before, where they still mean what this run has built."""
    return {"images": dict(deploy.record.tagged), "left_alone": give_back(deploy, deploy.record.tagged)}


def verify(deploy: Deploy) -> dict[str, Any]:
    """The image that was built holds just what the host held when the plan was shown, with one head."""
    inputs = deploy.inputs
    image_id = deploy.record.built[inputs.target.service]
    siblings = {each.name: each.image_ref for each in inputs.services[1:]}  # for how they start; no container is read
    target = replace(inputs.target, image=image_id, deployed=False, siblings=siblings)
    evidence = collect.check(target, lambda: deploy.engine, lint=True)
    held = evidence.chain.held(PlaceName.IMAGE)
    if held is None:
        reading = evidence.chain.places[PlaceName.IMAGE]
        reason = reading.reason if isinstance(reading, (Unknown, Absent)) else "it was not read"
        raise Aborted(f"the content of the built image could not be read: {reason}")
    now = evidence.chain.held(PlaceName.HOST)
    if now is not None and (changed := _differing(inputs.host, now)):
        raise Aborted(f"the host's migrations were edited during the build: {listed(changed)}", hint="run it again")
    if changed := _differing(inputs.host, held):
        findings, _ = judge([rule for rule in RULES if rule.id in _CAUSES], evidence)
        cause = findings[0] if findings else None
        why = f" ({cause.rule} {cause.name}: {cause.cause})" if cause else ""
        steps = [step.command for step in cause.remedy if step.command and not step.alternative] if cause else []
        raise Aborted(
            f"the built image does not match the host: {listed(changed)}{why}", commands=steps,
            hint="; ".join(step.why for step in cause.remedy) if cause else
            f"`{inputs.target.commands.say('check-image')}` says more",
        )  # fmt: skip
    preflight.covered(evidence)
    preflight.one_configuration(evidence)
    preflight.has_program(evidence)
    deploy.record.alembic, deploy.record.starts_in = evidence.alembic, evidence.starts_in
    heads = evidence.graphs[PlaceName.IMAGE].heads
    if len(heads) != 1 and not inputs.target.many_heads:
        raise Aborted(f"the built image has {len(heads)} heads: {listed(heads)}", hint=explain("MIG301"))
    now_built = replace(inputs, evidence=evidence)
    preflight.starting(now_built, deploy.options, built=True)
    for reason in () if inputs.has_old else preflight.untold_starts(now_built):  # else the plan has said so
        deploy.say.line(f"whether it migrates by itself when it starts is not known: {reason}")
    return {"image": image_id, "heads": list(heads), "revisions": len(held.revisions)}


def _differing(meant: MigrationSet, found: MigrationSet) -> tuple[str, ...]:
    link = compare(PlaceName.HOST, meant, PlaceName.IMAGE, found)
    return () if link.status is LinkStatus.EQUAL else (*link.only_source, *link.only_target, *link.changed)


def meaning(deploy: Deploy, ref: str) -> str:
    """The image that a name means now, '' where it means none."""
    return image_id(deploy.engine, ref)


def exists(deploy: Deploy, image_id: str) -> bool:
    """Whether the engine (still) has the image."""
    return bool(meaning(deploy, image_id))
