"""The records of one change, put together: the commit with what brought it into production."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from . import affinity, diffs
from .planned import WORK
from .scene import LATE
from .settings import Setting, spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .diffs import Diff
    from .episode import Signal
    from .scene import Scene

_CARRIED = 45 * 60_000_000_000  # ns; from a commit to what it was carried by, where none names it
_REPEAT = 120_000_000_000
_AT_ONCE = 10_000_000_000  # ns; records of one roll-out are stamped this near
_WORKS = 300_000_000_000  # ns; from what orders work to where a service tells that it has begun
_PUNCTUATION = re.compile(r"[\W_]+")
_RARE = 4  # changes that may speak of a name before it stops telling them apart
_REVISION = "vcs.ref.head.revision"
_SHORT = 7
_LONGEST_KEY = 300  # characters
_LONG_KEY = 6  # letters; the name of a shorter switch may stand for something else
_SWITCH = "feature_flag.key"
_SWITCHED = {_SWITCH, "feature_flag.previous", "feature_flag.value"}
_POSITIONS = {
    "true": "on",
    "enabled": "on",
    "yes": "on",
    "false": "off",
    "disabled": "off",
    "no": "off",
}
_IMAGE = re.compile(r"\"image\"\s*:\s*\"[^\"\s]+?[:@]([\w.:-]+)\"", re.IGNORECASE)
_PATCH = re.compile(r"^[+-](?![+-])", re.MULTILINE)


@dataclass(frozen=True)  # no slots: what is worked out is kept
class Change:
    """One change, by all the records that tell of it."""

    signal: Signal
    """What took effect: a deploy, a setting; the commit where nothing else is known."""
    also: tuple[Signal, ...]
    texts: tuple[str, ...]
    attributes: tuple[Mapping[str, str], ...]
    called: tuple[Setting, ...] = ()
    """What calls to control planes set; see `scene.Scene.called`."""

    @property
    def entity(self) -> str:
        """Name what it touched; of its records the first that knows."""
        known = (s["entity"] for s in (self.signal, *self.also))
        return next((e for e in known if e), "")

    @property
    def records(self) -> tuple[Signal, ...]:
        """All the records, what took effect first."""
        return (self.signal, *self.also)

    @property
    def is_only_text(self) -> bool:
        """Say whether no record shows that it took effect: a commit by itself."""
        return all(s["kind"] == "commit" for s in self.records)

    @cached_property
    def title(self) -> str:
        """All its lines."""
        return "\n".join(s["title"] for s in self.records)

    @cached_property
    def text(self) -> str:
        """All that its records say."""
        return "\n".join(self.texts)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Name the files it changes."""
        return tuple(dict.fromkeys(f for a in self.attributes for f in _files(a.get("files", ""))))

    @cached_property
    def patch(self) -> str:
        """Give its diff as text, empty where none is known."""
        given = [a["diff"] for a in self.attributes if a.get("diff")]
        if given:
            return "\n".join(dict.fromkeys(given))
        return "\n".join(t for t in self.texts if _PATCH.search(t))

    @cached_property
    def diff(self) -> Diff | None:
        """Give its diff, read; None where none is known."""
        return diffs.read(self.patch) if self.patch else None

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """Values that it moves, by its records and by its diff."""
        told = [
            Setting(
                a[f"{what}.key"][:_LONGEST_KEY],
                a.get(f"{what}.previous", ""),
                a.get(f"{what}.value", ""),
            )
            for a in self.attributes
            for what in ("config", "feature_flag")
            if f"{what}.key" in a
        ]
        told = [s for s in told if self.signal["kind"] != "feature_flag" or s.ratio is not None]
        if self.signal["kind"] == "config_change":
            told = told or spoken(self.signal["title"])
        known = {_plain(s.key) for s in told}
        told += [s for s in self.called if _plain(s.key) not in known]
        return tuple(dict.fromkeys((*told, *(self.diff.settings if self.diff else ()))))

    @cached_property
    def images(self) -> frozenset[str]:
        """Name the versions of images that its records order."""
        return frozenset(tag for text in self.texts for tag in _IMAGE.findall(text))

    @cached_property
    def revision(self) -> str:
        """Name the revision that it brings, empty where none is known."""
        return next((a[_REVISION].casefold() for a in self.attributes if a.get(_REVISION)), "")


def alone(signal: Signal, scene: Scene) -> Change:
    """Make a change of one record."""
    held = scene.attributes.get(signal["signal"], {})
    return Change(signal, (), (scene.text(signal),), (held,), scene.told.called(signal))


def one_each(scene: Scene) -> list[Change]:
    """Make one change of each that did not come too late, however many records tell of it.

    They are one when they bring the same revision; or when they are on the same entity, near in
    time, and share a parameter or another name that no more than a few changes speak of; or when
    they came at once, and one only says that there was a roll-out. A commit that only a later
    roll-out brought came with that, and so too late.
    """
    every = [alone(s, scene) for s in scene.changes]
    made = sorted(
        (c for c in every if c.signal["time"] <= scene.onset + LATE),
        key=lambda c: (c.signal["kind"] == "commit", c.signal["signal"]),
    )
    brought_late = {
        c.revision[:_SHORT] for c in every
        if c.revision and c.signal["kind"] != "commit" and c.signal["time"] > scene.onset + LATE
    }  # fmt: skip
    known = scene.entity_names
    spoken = [affinity.identifiers(c.text) - known for c in made]
    common = Counter(i for names in spoken for i in names)
    kept: list[Change] = []
    named: dict[str, list[int]] = {}  # rare name -> those kept that speak of it
    placed: dict[str, list[int]] = {}  # entity -> those kept that touched it
    brought: dict[str, int] = {}  # revision -> the one kept that brings it
    for c, names in zip(made, spoken, strict=True):
        rare = [i for i in names if common[i] <= _RARE]
        twin = brought.get(c.revision[:_SHORT]) if c.revision else None
        if twin is None:
            others = (k for i in rare for k in named.get(i, ()) if not _brings_other(c, kept[k]))
            near = (k for k in others if _is_same(c, kept[k]))
            twin = min(near, default=None)
        if twin is None:
            there = placed.get(c.entity, ()) if c.entity else ()
            twin = next((k for k in there if _is_twin(c, kept[k])), None)
        if twin is not None:
            kept[twin] = _joined(kept[twin], c, scene)
            continue
        for i in rare:
            named.setdefault(i, []).append(len(kept))
        if c.revision:
            brought[c.revision[:_SHORT]] = len(kept)
        placed.setdefault(c.entity, []).append(len(kept))
        kept.append(c)
    alive = [c for c in kept if not (c.is_only_text and c.revision[:_SHORT] in brought_late)]
    return _switched(alive, scene)


def _switched(found: list[Change], scene: Scene) -> list[Change]:
    """Put each switch to the commit that set it, or to the change whose lines it brings to life.

    What is behind a feature flag does nothing until that is switched on; of several changes that
    brought its name, the switch is the last one's.
    """
    kept = [c for c in found if c.signal["kind"] != "feature_flag"]
    switches = [c for c in found if c.signal["kind"] == "feature_flag"]
    alone_still: list[Change] = []
    for switch in switches:
        behind = [k for k, c in enumerate(kept) if _sets(c, switch)]
        behind = behind or [k for k, c in enumerate(kept) if _is_behind(c, switch)]
        if behind:
            last = max(behind, key=lambda k: (kept[k].signal["time"], k))
            kept[last] = _joined(kept[last], switch, scene)
        else:
            alone_still.append(switch)
    return [*kept, *alone_still]


def _is_behind(change: Change, switch: Change) -> bool:
    """Say whether a change, or an earlier part of it, put in lines that ask for a switch."""
    if change.diff is None or change.signal["time"] > switch.signal["time"]:
        return False
    if change.entity and switch.entity and change.entity != switch.entity:
        return False
    keys = {a["feature_flag.key"] for a in switch.attributes if "feature_flag.key" in a}
    told = "\n".join(change.diff.new)
    return any(_names(told, key) for key in keys)


def _sets(change: Change, switch: Change) -> bool:
    """Say whether a commit is what set a switch: flags that are kept as files are set so.

    It names the switch, and moves a value as the switch moved.
    """
    apart = switch.signal["time"] - change.signal["time"]
    if change.diff is None or not change.is_only_text or not 0 <= apart <= _CARRIED:
        return False
    told = {
        (a[_SWITCH], _turned(a["feature_flag.previous"]), _turned(a["feature_flag.value"]))
        for a in switch.attributes if a.keys() >= _SWITCHED
    }  # fmt: skip
    moves = {(_turned(s.old), _turned(s.new)) for s in change.settings}
    return any((old, new) in moves and _names(change.patch, key) for key, old, new in told)


def _turned(value: str) -> str:
    """Write a switch's position the one way in which files and services write it alike."""
    said = value.strip(" \"'").casefold().removesuffix("%")
    return _POSITIONS.get(said, said)


def _names(text: str, key: str) -> bool:
    """Say whether a text names a switch, in a name of its own."""
    told = re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", text)
    return len(key) >= _LONG_KEY and told is not None


def _brings_other(a: Change, b: Change) -> bool:
    """Say whether two roll-outs order images of other versions, however near they are."""
    return bool(a.images and b.images) and a.images.isdisjoint(b.images)


def _is_same(a: Change, b: Change) -> bool:
    if a.revision and b.revision:
        return a.revision[:_SHORT] == b.revision[:_SHORT]
    ours, theirs = a.signal, b.signal
    apart = abs(ours["time"] - theirs["time"])
    kinds = (ours["kind"] == "commit") != (theirs["kind"] == "commit")
    switches = "feature_flag" in (ours["kind"], theirs["kind"])
    repeat = apart <= _REPEAT and ours["table"] == theirs["table"]
    repeat = repeat and not (switches and ours["kind"] != theirs["kind"])
    same: bool = ours["entity"] == theirs["entity"]
    return same and apart <= _CARRIED and (kinds or repeat)


def _is_twin(a: Change, b: Change) -> bool:
    """Say whether two records of an entity came at once and tell of one change.

    A cloud tells of a roll-out without what it brings, and of a setting as a variable.
    """
    kinds = {a.signal["kind"], b.signal["kind"]}
    if _is_work(a, b) or _is_work(b, a) or _is_read(a, b) or _is_read(b, a):
        return True
    if abs(a.signal["time"] - b.signal["time"]) > _AT_ONCE or kinds & {"commit", "feature_flag"}:
        return False
    if {(_plain(s.key), s.new) for s in a.settings} & {(_plain(s.key), s.new) for s in b.settings}:
        return True
    return kinds == {"deploy"} and _is_bare(a) != _is_bare(b)


def _is_work(told: Change, ordered: Change) -> bool:
    """Say whether a service tells that it has begun on what was just rolled out to it."""
    apart = told.signal["time"] - ordered.signal["time"]
    kinds = ("deploy", "config_change")
    is_order = ordered.signal["kind"] in kinds and not _is_bare(ordered)
    return told.signal["rule"] == WORK and is_order and 0 <= apart <= _WORKS


def _is_read(told: Change, commit: Change) -> bool:
    """Say whether a service tells that it took up a value which a commit had just set."""
    apart = told.signal["time"] - commit.signal["time"]
    if told.signal["kind"] != "config_change" or not commit.is_only_text:
        return False
    if commit.diff is None or not 0 <= apart <= _CARRIED:
        return False
    return any(_states(told.title, s) for s in commit.diff.settings)


def _states(text: str, setting: Setting) -> bool:
    """Say whether a text gives a setting its new value: `logger.level=debug`."""
    key, value = setting.key.rpartition(".")[2], setting.new.strip("\"' ")
    if not value:
        return False
    said = rf"(?<!\w){re.escape(key)}[\"']?\s*[:=]\s*[\"']?{re.escape(value)}(?![\w.])"
    return re.search(said, text, re.IGNORECASE) is not None


def _is_bare(change: Change) -> bool:
    """Say whether records only tell that something was rolled out, and nothing of what."""
    told = change.settings or change.files or change.diff is not None
    return not told and not change.revision


def _plain(key: str) -> str:
    """Write a setting's key the one way in which those of files and of variables are alike."""
    return _PUNCTUATION.sub("", key.casefold())


def _joined(main: Change, other: Change, scene: Scene) -> Change:
    """Put another record to a change; what took effect nearest to the failure stands for it."""
    records = sorted(
        [*zip(main.records, main.texts, main.attributes, strict=True),
         *zip(other.records, other.texts, other.attributes, strict=True)],
        key=lambda r: _order(r[0], scene),
    )  # fmt: skip
    signals, texts, held = zip(*records, strict=True)
    calls = tuple(dict.fromkeys((*main.called, *other.called)))
    return Change(signals[0], tuple(signals[1:]), tuple(texts), tuple(held), calls)


def _order(signal: Signal, scene: Scene) -> tuple[bool, bool, bool, int]:
    """Order the records of a change: what took effect, in the cascade, first; a switch did last."""
    outside = (signal["entity"] or "") not in scene.troubled_entities
    kind = signal["kind"]
    return kind == "commit", outside, kind != "feature_flag", signal["signal"]


def _files(text: str) -> Iterable[str]:
    if not text:
        return ()
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return (text,)
    names = cast("list[object]", found) if isinstance(found, list) else [cast("object", found)]
    return [n for n in names if isinstance(n, str)]
