"""What broke things from outside: rivals of the changes, each with evidence of its own.

A certificate that ran out, a provider that fails, more visitors than ever: an honest answer then is
that no change did it (about one incident in five of those published, Ghosh et al., "How to fight
production incidents?", SoCC 2022). What each shows itself by is data:
`nova_timeline/knowledge/triggers.toml`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from nova_timeline import clock, knowledge

from . import affinity, blamed, deadlines, echoes, hosts, peers, surges, trends
from .blamed import SHOWS
from .named import IS_FULL
from .symptoms import NOTICES
from .terms import Candidate, Term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nova_timeline.knowledge import Trigger

    from .episode import Signal
    from .scene import Scene
    from .symptoms import Symptom

STRONG = 0.42
"""The least score at which a trigger is believed unless a change explains what failed."""
ABOUT = frozenset((SHOWS, "words", "place", "time", "record", deadlines.DATED))
"""What all the terms of a trigger judge."""
_SHOWN = 0.3
_MOST = 0.25
_ANYWHERE = 0.6  # share that counts of what shows only away from the root
_NEAR = 30 * 60_000_000_000
_ID = re.compile(
    r"\b(\w*(?:id|key|offset|sku|number|record|message|row|object|order|file|invoice|line))\b"
    r"\s*[=:#]?\s*[\"'(]?((?=[\w.-]*\d)[\w.-]{3,})",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"(?i)(?:^|[._])(?:offset|(?:message|record|document)[._]?(?:id|number|key)"
    r"|delivery[._]?tag|object[._]?key|sequence[._]?number)$"
)
"""What an attribute is called that tells which record is dealt with."""
_UNTIL = re.compile(
    r"(?:not ?after[\"']?\s*[=:]\s*[\"']?|current time \S+ is after )"  # as Go says it
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)",
    re.IGNORECASE,
)
_SINCE = re.compile(
    r"start(?:ed)?_?time\W{1,6}(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)"
    r"|\w{3}, \d\d? \w{3} \d{4} [\d:]+ GMT)",
    re.IGNORECASE,
)
_EXPIRY = re.compile(r"cert.*(expir|valid|remaining|left)", re.IGNORECASE)
_DATE_OFF = 300_000_000_000
_BENEATH = ("hardware", "network")  # what services stand on, though no topology says so
_TELLS = ("provider-says-so", "provider-changed")
_UNRELATED = 0.1
_FEWEST = 4  # lines about one record


def found(scene: Scene) -> list[Candidate]:
    """Weigh every trigger that shows itself, in the order in which they are known."""
    made = ((t, _weighed(t, scene)) for t in knowledge.triggers())
    shown = [(t, c) for t, c in made if c is not None]
    felt = {name for t, _ in shown for name in t.felt_as}
    return [c for t, c in shown if t.id not in felt]


def says_when(trigger: Candidate) -> bool:
    """Say whether a provider says of trouble that bears on this when it began, which is now."""
    told = (t.weight >= _SHOWN for t in trigger.terms if t.about == "time")
    return trigger.category == "external_provider" and any(told)


def is_outside(fault: Signal) -> bool:
    """Say whether a fault by its own words shows a machine or a network that fails."""
    said = knowledge.plain(fault["title"])
    return any(t.fits(said) for t in knowledge.triggers() if t.category in _BENEATH)


def _weighed(trigger: Trigger, scene: Scene) -> Candidate | None:
    fits = _with_same_peer(trigger, [m for m in scene.symptoms if _fits(trigger, m, scene)], scene)
    if "outside_host" in trigger.needs:
        fits = echoes.by_name(
            trigger, fits, {h for m in fits for h in hosts.outside(m.raw, scene)}, scene
        )
    share = _share(fits, scene.symptoms)
    if not fits or (share < trigger.share and not _is_recorded(trigger, fits, scene)):
        return None
    said = _needs(trigger, fits, scene)
    if said is None:
        return None
    fits = _with_felt(trigger, fits, scene)
    share = max(share, _share(fits, scene.symptoms))
    first = _first(fits, scene)
    terms = [
        Term(f"{trigger.says}{said}", _SHOWN, (first["signal"],), SHOWS),
        Term(f"{share:.0%} of what failed at the root shows it", _MOST * share, (), "words"),
        *_besides(trigger, fits, scene),
    ]
    whose = blamed.entity(trigger.blames, fits, scene) if trigger.blames else _apart(fits)
    bears = scene.troubled_entities if _told_since(trigger, fits, scene) else frozenset[str]()
    return Candidate(
        first, tuple(terms), is_change=False, category=trigger.category, entity=whose, bears=bears
    )


def _with_same_peer(trigger: Trigger, fits: Sequence[Symptom], scene: Scene) -> Sequence[Symptom]:
    """Add what fails on the very address on which a network or a machine is shown to fail."""
    if trigger.category not in _BENEATH or not fits:
        return fits
    gone = {p for m in fits for p in peers.named(m.raw)} & {*scene.unreached}
    return [m for m in scene.symptoms if m in fits or (m.is_error and peers.named(m.raw) & gone)]


def _with_felt(trigger: Trigger, fits: Sequence[Symptom], scene: Scene) -> Sequence[Symptom]:
    """Add what a trigger that shows itself does to others."""
    felt = [t for t in knowledge.triggers() if t.id in trigger.felt_as]
    more = (m for m in scene.symptoms if m not in fits and any(_fits(t, m, scene) for t in felt))
    return [*fits, *more] if felt else fits


def _fits(trigger: Trigger, symptom: Symptom, scene: Scene) -> bool:
    if not trigger.fits(symptom.text):
        return False
    said = symptom.count > 0 or symptom.is_error
    if trigger.category in ("infrastructure_change", "dependency") and said:
        # What was over long before is another story.
        return symptom.time is None or symptom.time >= scene.onset - _NEAR
    if "told" in trigger.needs and symptom.is_measured:
        return False
    if "outside_host" not in trigger.needs:
        return True
    # The name of a metric may hold its maker's host.
    return said and bool(hosts.outside(symptom.raw, scene))


def _share(fits: Sequence[Symptom], all_of_them: Sequence[Symptom]) -> float:
    """Say how much of what failed shows it: by records at the root, else by less."""
    told = {m.signal for m in fits}
    # To be full is what waiting for others does to anybody.
    counted = [m for m in all_of_them if m.signal in told or not IS_FULL.search(m.raw)]
    root = sum(m.count for m in counted if m.at_root and m.is_error)
    here = sum(m.count for m in fits if m.at_root and m.is_error)
    if root and here:
        return min(1.0, here / root)
    if any(m.at_root for m in fits):
        return 0.5
    everything = sum(m.count for m in all_of_them if m.is_error)
    there = sum(m.count for m in fits)
    return _ANYWHERE * min(1.0, there / everything) if everything else 0.3


def _is_recorded(trigger: Trigger, fits: Sequence[Symptom], scene: Scene) -> bool:
    """Say whether a record is known to tell of just that, of which one is enough.

    Who runs a machine says once that it goes down, and all who stand on it complain many times.
    """
    told = {m.signal for m in fits if m.count or m.is_error}
    known = (s for s in scene.troubled if s["signal"] in told and s["role"] == "fault")
    said = any(s["category"] == trigger.category and s["rule"] for s in known)
    return said and (
        trigger.category == "infrastructure_change"
        or (trigger.category == "hardware" and _is_about(fits, scene))
    )


def _first(fits: Sequence[Symptom], scene: Scene) -> Signal:
    by_number = {s["signal"]: s for s in (*scene.troubled, *scene.cascade.signals)}
    signals = [by_number[m.signal] for m in fits if m.signal in by_number]
    root = [s for s in signals if s["entity"] == scene.cascade.root]
    return min(root or signals, key=lambda s: (s["time"], s["signal"]))


def _needs(trigger: Trigger, fits: Sequence[Symptom], scene: Scene) -> str | None:
    """Say what shows what a trigger needs besides; None where nothing does."""
    said = ""
    if "outside_host" in trigger.needs:
        named = Counter(h for m in fits for h in hosts.outside(m.raw, scene))
        said += f": {min(named, key=lambda h: (-named[h], h))}"
    if "all_traffic" in trigger.needs:
        risen = surges.risen_at(scene)
        if risen is None:
            return None
        said += f", on {', '.join(risen)}"
    if "at_its_time" in trigger.needs and _told_since(trigger, fits, scene) is None:
        return None
    if "more_requests" in trigger.needs and not surges.floods(fits, scene):
        return None
    if "one_record" in trigger.needs:
        record = one_record(fits)
        if record is None:
            return None
        said += f": {record}"
    return said


def one_record(fits: Sequence[Symptom]) -> str | None:
    """Name the record that all lines of a failure are about, where it is one."""
    for symptom in fits:
        texts = symptom.raw.splitlines()
        if symptom.count < _FEWEST or len(texts) < _FEWEST:
            continue
        told = Counter(pair for text in texts for pair in {*_ID.findall(text)})
        shared = [" ".join(pair) for pair, n in told.items() if n >= len(texts) - 1]
        shared += [" ".join(pair) for pair in symptom.shared if _PLACE.search(pair[0])]
        if shared:
            return min(shared)
    return None


def _besides(trigger: Trigger, fits: Sequence[Symptom], scene: Scene) -> list[Term]:
    """Add what else speaks for a trigger of a category."""
    if trigger.category == "external_provider":
        return _provider(trigger, fits, scene)
    if trigger.category == "certificate":
        # Where it is known which changes alone can do this, to come first tells against others.
        first = _foremost(fits, scene) if trigger.made_by or trigger.asked_by else []
        return [*_passed(scene), *_wide(fits), *first]
    if trigger.category == "traffic":
        return [Term("requests rose where they come in, and behind it", 0.15, (), "place")]
    if trigger.category == "network":
        apart = _first(fits, scene)["entity"] not in scene.linked
        return [*_wide(fits), *_told(trigger, scene), *(_beneath(fits, scene) if apart else [])]
    if trigger.category in ("hardware", "infrastructure_change"):
        return [*_beneath(fits, scene), *_foremost(fits, scene)]
    ran_out = trigger.category == "resource_exhaustion"
    return [*_foremost(fits, scene), *trends.shows(scene)] if ran_out else []


def _apart(fits: Sequence[Symptom]) -> str | None:
    """Name whom alone it shows on, where that is one whom only what failed names."""
    whose = {m.entity for m in fits if m.is_apart}
    return min(whose) if len(whose) == 1 and all(m.is_apart for m in fits) else None


def _foremost(fits: Sequence[Symptom], scene: Scene) -> list[Term]:
    """Say whether nothing failed before it at the root."""
    first = _first(fits, scene)
    if first["entity"] != scene.cascade.root or first["time"] > scene.onset or _apart(fits):
        return []
    return [Term("nothing failed before it", 0.15, (first["signal"],), "time")]


def _beneath(fits: Sequence[Symptom], scene: Scene) -> list[Term]:
    """Say whether a machine failed ahead of what failed, and whether that names the machine."""
    first = _first(fits, scene)
    apart = _apart(fits)
    machine = apart or first["entity"] or ""
    if machine == scene.cascade.root:
        return []
    terms: list[Term] = []
    times = [m.time for m in fits if m.time is not None] if apart else [first["time"]]
    if times and min(times) <= scene.onset:
        terms.append(Term(f"{machine} failed first", 0.15, (first["signal"],), "time"))
    name = affinity.joined(machine)
    named = [m for m in scene.symptoms if m.at_root and name and name in affinity.joined(m.raw)]
    if named:
        text = f"what failed at the root names {machine}"
        terms.append(Term(text, 0.15, (named[0].signal,), "place"))
    return terms


def _provider(trigger: Trigger, fits: Sequence[Symptom], scene: Scene) -> list[Term]:
    """Say who else fails on the same host, and what the provider itself tells."""
    since = _told_since(trigger, fits, scene)
    if since is not None:
        about = _is_about(fits, scene)
        weight = _SHOWN if about else _UNRELATED
        began = Term(f"it says that it began {since}, when this did", weight, (), "time")
        more = [*_shared_host(scene.symptoms, scene), *echoes.seen(fits, scene)] if about else []
        return [began, *echoes.names(fits, scene), *more]
    same = echoes.names(fits, scene) if trigger.id in _TELLS and echoes.handed(fits, scene) else []
    return [*_shared_host(fits, scene), *_told(trigger, scene), *same]


def _shared_host(fits: Sequence[Symptom], scene: Scene) -> list[Term]:
    """Say whether several fail on one host: a change to one of them breaks no other's calls."""
    seen = {
        (h, m.entity) for m in fits if m.is_error
        for h in (*hosts.outside(m.raw, scene), *peers.ADDRESS.findall(m.raw))
    }  # fmt: skip
    widest = max(Counter(h for h, _ in seen).values(), default=0)
    if widest < 2:
        return []
    return [Term(f"{widest} entities fail on the same host", 0.1, (), "place")]


def _wide(fits: Sequence[Symptom]) -> list[Term]:
    """Say whether it shows on several entities at once: on what they share, then."""
    shown = {m.entity for m in fits if m.is_error}
    if len(shown) < 2:
        return []
    return [Term(f"{len(shown)} entities show it: {', '.join(sorted(shown))}", 0.1, (), "place")]


def _told(trigger: Trigger, scene: Scene) -> list[Term]:
    """Say whether a provider itself tells of trouble."""
    says = [t for t in knowledge.triggers() if t.id in _TELLS]
    told = [m for m in scene.symptoms if any(t.symptom.search(m.text) for t in says)]
    if not told or trigger.id in _TELLS:
        return []
    return [Term("the provider itself tells of trouble", 0.15, (told[0].signal,), "record")]


def _told_since(trigger: Trigger, fits: Sequence[Symptom], scene: Scene) -> str | None:
    """Give since when a provider says it has trouble, where that is when the failure began.

    What it says at a time, and of no time besides, began then.
    """
    if trigger.id not in _TELLS:
        return None
    began = (scene.onset, *(d.time for d in scene.departures))
    times: list[tuple[str, int | None]] = [
        (t, deadlines.moment(t)) for m in fits for t in _SINCE.findall(m.raw)
    ]
    told = {m.signal for m in fits}
    notices = (s for s in scene.troubled if s["signal"] in told and s["rule"] in NOTICES)
    times += [(clock.rfc3339(s["time"]), s["time"]) for s in notices]
    for text, when in times:
        if when is not None and any(abs(when - b) <= _DATE_OFF for b in began):
            return text
    return None


def _is_about(fits: Sequence[Symptom], scene: Scene) -> bool:
    """Say whether what failed calls a provider, or shares a word with what that tells."""
    called = {c for e in scene.troubled_entities for c in scene.depends.get(e, ())}
    if any(m.entity in called for m in fits):
        return True
    told = {w for m in fits for w in affinity.words(m.raw, echoes.ANYBODYS)}
    numbers = {m.signal for m in fits}
    failed = (m for m in scene.symptoms if m.signal not in numbers)
    said = {w for m in failed for w in affinity.words(f"{m.entity} {m.raw}")}
    return bool(told & said)


def _passed(scene: Scene) -> list[Term]:
    """Say whether the end of a certificate was passed just as it began."""
    ended = next((d for d in scene.deadlines if d.category == "certificate"), None)
    if ended is not None:
        told = f"it was told to end at {clock.rfc3339(ended.time)}, which is when it began"
        return [Term(told, 0.3, (), deadlines.DATED)]
    for m in scene.symptoms:
        for text in _UNTIL.findall(m.raw):
            ends = deadlines.moment(text)
            if ends is not None and abs(ends - scene.onset) <= _DATE_OFF:
                told = f"it was valid until {text}Z, which is when it began"
                return [Term(told, 0.2, (m.signal,), "time")]
    gauges = [s for s in scene.troubled if _EXPIRY.search(s["title"]) and "fell" in s["title"]]
    if gauges:
        return [Term("a gauge of its validity ran down", 0.1, (gauges[0]["signal"],), "time")]
    return []
