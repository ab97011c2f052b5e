"""Where a change acted, against where things broke, by the dependencies between them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nova_timeline.knowledge import plain

from . import affinity, fed, undrawn
from .change_points import direction
from .terms import Term

if TYPE_CHECKING:
    from nova_timeline.knowledge import Hazard

    from .departures import Departure
    from .merged import Change
    from .scene import Scene

WHERE = 0.2
"""The most that a change gains by what it touched."""
FELT = 0.06
"""What a change gains that touched an entity which only felt the fault."""

_UNKNOWN = 0.4  # of what counts, where what a change touched is not known
_HOP_DECAY = 0.75
_CALM = 0.75  # of what a place counts where nothing is seen to be wrong there
_PRESSES = 0.75
_FEEDS = 0.75
_NEARBY = 0.8
_BELOW = 0.6
_UNTOLD = 0.8  # of what nobody says how it relates, as of a network or a cluster
_FAR_OFF = 0.3
_NAMED = 0.75
_OF_IT = 0.5  # of what has a longer name that begins with the root's, as its settings do
_UNRELATED = 0.15
_AILS = 0.5  # of what got worse by itself before all else failed
_LETTERS = 4
_WORK = re.compile(
    r"(active|open|running) (sessions?|quer|transactions?|connections?|jobs?)"
    r"|(commands?|quer(y|ies)|statements?|lookups?|reads?|calls?|gets?|transactions?|ops) (per|a) s"
)
"""What shows that more is asked of what keeps no count of requests, as of a database."""
_REFUSED = re.compile(
    r"\b(?:http|status|client|request|responses?)?_?(?:4xx|400|409|415|422|bad_request|client_error)\w*"
    r" rose from ",
    re.IGNORECASE,
)
"""What counts requests that were answered as wrong, not those that were too many or not let in."""
_ANSWERED_WRONG = re.compile(
    r"\b(?:status(?: ?code)?|HTTP(?:/[\d.]+)?|responded(?: with)?|returned|answered|got)\W{0,3}"
    r"(?:400|405|409|410|411|41[2-7]|422)\b"
)
"""What a caller says of an answer that the request was wrong."""
_FORM = re.compile(
    r"\.(proto|thrift|fbs|capnp|avdl|avsc|asn1?|bond|xsd|graphqls?)$|openapi|swagger|(json|event)_?schema"
    r"|(^|/)(contracts?|schemas?)/",
    re.IGNORECASE,
)
"""Files that say how data are written which others read."""
_QUOTED = re.compile(r"[\"'`]([A-Za-z_][\w-]{2,})[\"'`]")
_SHAPE = re.compile(
    r"(^|/)(migrat\w*|ddl|schemas?|liquibase|flyway|alembic|sqitch|atlas|evolutions|changelogs?|db)/"
    r"|\.(sql|ddl|cql|prisma|dbml)$|(^|/)schema\.(rb|sql|prisma|py|ts)$",
    re.IGNORECASE,
)
"""Files that say how stored data are shaped."""


def place(change: Change, scene: Scene) -> Term:
    """Weigh what a change touched by how the root depends on it."""
    missed = _missed(change, scene)
    if missed:
        root = scene.cascade.root
        text = f"touched {change.entity}, which calls {root} and no longer sends {missed}"
        return Term(text, _FEEDS * WHERE, _shown(change, scene), "place")
    between = _handed(change, scene)
    if between is not None:
        text = f"touched {change.entity}, whose answers {between} hands on to {scene.cascade.root}"
        return Term(text, _FEEDS * WHERE, _shown(change, scene), "place")
    stored = _stored(change, scene)
    if stored is not None:
        store, name = stored
        text = f"touched {change.entity}, which shapes {name} in {store}, as {scene.cascade.root}"
        return Term(f"{text} keeps it", _FEEDS * WHERE, _shown(change, scene), "place")
    text, weight = _placed(change.entity, scene)
    if not change.entity and change.files:
        weight /= 2  # of files, the path would most likely say
    shown = _shown(change, scene)
    ails = _ails(change, scene)
    if ails is not None and weight < _AILS * WHERE:
        text = f"touched {change.entity}, whose {ails.metric} got worse first"
        weight = _AILS * WHERE
    tie = undrawn.tie(change, scene) if _is_undrawn(change.entity, scene) else None
    if tie is not None and tie.share * WHERE > weight:
        text, weight = f"touched {change.entity}, {tie.text}", tie.share * WHERE
        shown = tuple(dict.fromkeys((*shown, *tie.signals)))
    return Term(text, weight, shown, "place")


def _ails(change: Change, scene: Scene) -> Departure | None:
    """Find what got worse on what a change touched, since then and before all else failed.

    Whom the root is not known to need may still hand it what it chokes on.
    """
    if change.entity not in scene.linked or change.entity in scene.troubled_entities:
        return None
    since = change.signal["time"]
    return next(
        (
            d for d in scene.departures
            if d.entity == change.entity and direction(d.metric) == "worse"
            and since - d.step <= d.time < scene.onset
        ),
        None,
    )  # fmt: skip


def _is_undrawn(entity: str, scene: Scene) -> bool:
    """Say whether it is in no dependency that is drawn, nor in the cascade."""
    return bool(entity) and entity not in scene.linked and entity not in scene.cascade.depth


def _shown(change: Change, scene: Scene) -> tuple[int, ...]:
    """Cite the change, and what shows that the root is in trouble."""
    return (change.signal["signal"], *scene.begins)


def _placed(entity: str, scene: Scene) -> tuple[str, float]:
    root = scene.cascade.root
    if not entity:
        return "what it touched is not known", _UNKNOWN * WHERE
    if entity == root:
        return f"touched {root}, where the cascade begins", WHERE
    if entity in scene.below:
        hops = scene.below[entity]
        if entity in scene.troubled_entities:
            return f"touched {entity}, in trouble too and {hops} down from {root}", WHERE
        return f"touched {entity}, {hops} down from {root}", _CALM * WHERE * _HOP_DECAY**hops
    return _beside(entity, scene)


def _beside(entity: str, scene: Scene) -> tuple[str, float]:
    """Weigh an entity that the root does not depend on, as far as is known."""
    root = scene.cascade.root
    if _presses(entity, scene):
        there = ", ".join(sorted(scene.depends.get(entity, set()) & scene.heart))
        text = f"touched {entity}, which calls {there}, and more requests came there"
        return text, _PRESSES * WHERE
    if _is_refused(entity, scene):
        return f"touched {entity}, which calls {root}, and that refuses requests", _PRESSES * WHERE
    if entity in scene.cascade.depth:
        depth = scene.cascade.depth[entity]
        return f"touched {entity}, which only felt the fault: it is {depth} up from {root}", FELT
    if entity in scene.troubled_entities:
        return f"touched {entity}, in trouble too", 0.5 * WHERE
    return _apart(entity, scene)


def _apart(entity: str, scene: Scene) -> tuple[str, float]:
    """Weigh an entity that shows nothing wrong, and of which the root is not known to have need."""
    root = scene.cascade.root
    if not scene.topology.edges:
        weight = _OF_IT if entity.startswith(f"{root}-") else _UNRELATED
        return f"touched {entity}; no topology says how that relates to {root}", weight * WHERE
    if _is_named(entity, scene):
        return f"touched {entity}, which what failed at {root} names", _NAMED * WHERE
    if _makes(entity, scene):
        return f"touched {entity}, for which data are named that are amiss", _NAMED * WHERE
    if _calls(entity, scene):
        return f"touched {entity}, which calls {root}", FELT
    if entity not in scene.linked:
        return f"touched {entity}; no topology says how that relates to {root}", _UNRELATED * WHERE
    return f"touched {entity}, which {root} does not depend on", -0.1


def _is_named(entity: str, scene: Scene) -> bool:
    """Say whether errors at the root name an entity, as those of who asked it for something do."""
    if len(entity) < _LETTERS:
        return False
    whole = re.compile(rf"(?<![\w.-]){re.escape(entity)}(?![\w-])", re.IGNORECASE)
    return any(m.at_root and m.is_error and whole.search(m.raw) for m in scene.symptoms)


def _makes(entity: str, scene: Scene) -> bool:
    """Say whether metrics that moved, or errors, speak of data that an entity is named for."""
    told = (m.raw for m in scene.symptoms if m.entity != entity and (m.is_error or m.is_measured))
    return fed.makes(entity, told)


def _calls(entity: str, scene: Scene) -> bool:
    """Say whether an entity calls the root, or sends it messages."""
    root = scene.cascade.root
    return any(e.caller == entity and e.callee == root for e in scene.topology.edges)


def _missed(change: Change, scene: Scene) -> str | None:
    """Name what the errors at the root are about and a caller's change took out of what it sends.

    Who calls hands over data: a field that is gone there is missed here, though nobody here
    depends on the caller.
    """
    if change.diff is None or not _calls(change.entity, scene):
        return None
    told = {n for m in scene.symptoms if m.at_root and m.is_error for n in affinity.names(m.raw)}
    gone, new = ("\n".join(lines) for lines in (change.diff.gone, change.diff.new))
    lost = {affinity.joined(n): n for n in _QUOTED.findall(gone)}
    kept = {affinity.joined(n) for n in _QUOTED.findall(new)}
    return min((n for k, n in lost.items() if k in told and k not in kept), default=None)


def _handed(change: Change, scene: Scene) -> str | None:
    """Name who calls both what a change touched and the root, where it alters how data are written.

    What the one answers is asked of the other, by whoever calls both, so that neither depends on
    the other and both on the form (a format shared by those who write and read: M. Kleppmann,
    "Designing Data-Intensive Applications", 2017, chapter 4).
    """
    entity, root = change.entity, scene.cascade.root
    if not entity or entity in (root, *scene.below) or not any(map(_FORM.search, change.files)):
        return None
    both = (c for c, called in scene.depends.items() if entity in called and root in called)
    return min(both, default=None)


def _stored(change: Change, scene: Scene) -> tuple[str, str] | None:
    """Name the store that a change shapes and the root uses too, and what of it both speak of.

    A table that several services write to ties them as a call does, though neither calls the other
    (C. Richardson, "Microservices Patterns", 2018, on a shared database).
    """
    entity, root = change.entity, scene.cascade.root
    if not entity or entity in (root, *scene.below) or change.diff is None:
        return None
    shared = scene.depends.get(entity, set[str]()) & scene.depends.get(root, set[str]())
    if not shared or not any(map(_SHAPE.search, change.files)):
        return None
    told = {n for m in scene.symptoms if m.at_root and m.is_error for n in affinity.names(m.raw)}
    ours = affinity.names("\n".join((*change.diff.gone, *change.diff.new)))
    both = told & ours - scene.entity_names
    return (min(shared), min(both)) if both else None


def _presses(entity: str, scene: Scene) -> bool:
    """Say whether an entity calls the root, or what ails below it, and more is asked of that."""
    called = scene.depends.get(entity, set()) & scene.heart
    return any(
        s["entity"] in called and s["kind"] == "metric_change" and " rose from " in s["title"]
        and (s["category"] == "traffic" or _WORK.search(plain(s["title"])))
        for s in (*scene.cascade.signals, *scene.troubled)
    )  # fmt: skip


def _is_refused(entity: str, scene: Scene) -> bool:
    """Say whether an entity calls the root, and that answers that what it is asked is wrong.

    So it says that the fault is with who asked (RFC 9110, section 15.5); the errors of that one may
    say so too.
    """
    root = scene.cascade.root
    if not _calls(entity, scene):
        return False
    counted = any(
        s["entity"] == root and s["kind"] == "metric_change" and _REFUSED.search(s["title"])
        for s in scene.cascade.signals
    )
    return counted or any(
        m.entity == entity and m.is_error and root in m.raw and _ANSWERED_WRONG.search(m.raw)
        for m in scene.symptoms
    )


def shows_elsewhere(hazard: Hazard, change: Change, scene: Scene) -> bool:
    """Say whether what shows only where code runs shows on others than what a change touched.

    A processor is busy and a memory is full with what runs there, and whoever is drawn, is measured
    or tells of trouble runs by itself. Where the code of a commit runs that nothing rolled out is
    not known: others may take it in.
    """
    if not hazard.own or change.is_only_text:
        return False
    apart = {*scene.linked, *scene.troubled_entities, *(line.entity for line in scene.beside)}
    apart.update(d.entity for d in scene.departures)
    own = {change.entity, *(m for m, guests in scene.guests.items() if change.entity in guests)}
    return change.entity in apart and not any(
        m.entity in own and hazard.symptom.search(m.text) for m in scene.symptoms
    )  # fmt: skip


def share(change: Change, scene: Scene) -> float:
    """Say how much it counts how a change can break things, by whether it can reach what broke."""
    entity = change.entity
    if not entity or not scene.topology.edges or entity in scene.heart:
        return 1.0
    hands = _missed(change, scene) or _handed(change, scene) or _stored(change, scene)
    presses = _presses(entity, scene) or _is_refused(entity, scene)
    if entity in scene.troubled_entities or hands or presses:
        return _NEARBY
    if _ails(change, scene):
        return _NEARBY
    if entity in scene.below:
        signs = (*scene.cascade.signals, *scene.troubled)
        return _NEARBY if any(s["entity"] == entity for s in signs) else _BELOW
    told = _is_named(entity, scene) or _calls(entity, scene) or _makes(entity, scene)
    return _FAR_OFF if entity in scene.linked and not told else _UNTOLD
