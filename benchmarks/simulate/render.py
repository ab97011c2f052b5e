"""Writes a case: its files in the formats of five systems, and apart from them its truth."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fixtures.scenario import uid

from . import (
    calls,
    faults,
    losses,
    notices,
    render_aws,
    render_azure,
    render_gcp,
    render_hosts,
    render_shared,
)
from .case import truth
from .ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.scenario import Json

    from .case import Case
    from .changes import Change


_PAIRS = 8
"""Calls across two clocks from which on one can be held against the other."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What lies in a folder, and what is true of it."""

    incident: Path
    """The incident file."""
    truth: Json
    records: int


def render(case: Case, folder: Path) -> Rendered:
    """Write a case's input into a folder; its truth is returned and stands nowhere in it."""
    ledger = Ledger()
    render_aws.write(case, ledger)
    render_gcp.write(case, ledger)
    render_azure.write(case, ledger)
    render_hosts.write(case, ledger)
    render_shared.write(case, ledger)
    losses.inflict(ledger, case.seed, case.settings.missing)
    folder.mkdir(parents=True, exist_ok=True)
    ledger.write(folder)
    render_shared.write_frame(case, folder, set(ledger.files))
    return Rendered(folder / "incident.toml", _truth(case, ledger), _count(ledger))


def _count(ledger: Ledger) -> int:
    return sum(len(records) for records in ledger.files.values())


def _truth(case: Case, ledger: Ledger) -> Json:
    """Say what is true of the records that were kept, and by what names they call the changes."""
    kept: defaultdict[str, list[str]] = defaultdict(list)
    seen: defaultdict[str, int] = defaultdict(int)
    digests: dict[str, Json] = {}
    for digest, record in ledger.digests():
        seen[digest] += 1
        if record.time is not None:
            digests[digest] = {"time": record.time, "clock": record.clock, "coarse": record.coarse}
        if record.change:
            kept[record.change].append(digest)
    alike = {d for d, n in seen.items() if n > 1}
    told = [(d, about) for d, about in digests.items() if d not in alike]
    cause = case.fault.change
    ids = _names(case, cause) if cause is not None and kept[cause.ident] else []
    found = truth(case, told, ids)
    found["cause_records"] = kept[cause.ident] if cause else []
    found["told_records"] = kept[notices.PROVIDER]
    if case.fault.kind in faults.BY_WORDS and not _is_worded(case, ledger):
        found["looks"].append("unknown")
    found["tied"] = _tied(case) if "traces.jsonl" in ledger.files else []
    cure = case.fault.cure
    harmless = [c for c in case.changes if c not in (cause, cure)]
    found["decoys"] = [
        {"ids": _names(case, c), "records": kept[c.ident], "entity": c.entity, "how": c.how}
        for c in harmless
        if kept[c.ident]
    ]
    return found


def _is_worded(case: Case, ledger: Ledger) -> bool:
    """Say whether a line was kept in which somebody says what the fault is."""
    own = {family for said in case.fault.says.values() for family in said.values()}
    times = {line.time for line in case.lines if line.family in own}
    return any(r.time in times for records in ledger.files.values() for r in records)


def _tied(case: Case) -> list[str]:
    """Name the machines whose clocks spans tie to a cloud's, directly or through other machines.

    A call bounds the difference of two clocks from both sides, for the caller's span holds the
    callee's; what runs on no machine of its own has its cloud's time.
    """
    spans = {s.span_id: s for s in case.spans}
    calls: Counter[tuple[str, str]] = Counter()
    for span in case.spans:
        above = spans.get(span.parent_id)
        if above is not None and above.service != span.service:
            calls.update({(span.host, above.host), (above.host, span.host)})
    near: defaultdict[str, list[str]] = defaultdict(list)
    for (one, other), n in calls.items():
        if n >= _PAIRS:
            near[one].append(other)
    found, new = set[str](), {""}
    while new:
        found |= new
        new = {other for one in new for other in near[one]} - found
    return sorted(found - {""})


def _names(case: Case, change: Change) -> list[str]:
    """List every name by which a record may call a change."""
    made = list(calls.of(case.world, change, case.start))
    plain = [change.ident, *([change.key] if change.how in ("flag", "config") else [])]
    return [*plain, *(c.id for c in made), *(c.correlation for c in made if c.correlation),
            uid(change.ident)]  # fmt: skip
