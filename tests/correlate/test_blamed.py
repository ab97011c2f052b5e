"""What others tell of is blamed on the entity that they name, or share."""

from dataclasses import replace
from typing import Any

from nova_timeline.correlate import blamed, triggers
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.scene import Scene
from nova_timeline.topology import Topology

from .scenes import at, calls, signal

ONSET = 40
TLS = "tls: failed to verify certificate: x509: certificate has expired: pay.shop.internal"
DNS = "lookup pay.shop.internal on 10.0.0.2:53: server misbehaving"
DISK = 'ERROR: could not extend file "base/1": No space left on device (SQLSTATE 53100)'
CALLS = calls("web>pay", "cart>pay", "web>store", "cart>store", "web>m1", "cart>m1", "pay>m2")
SHAPE = Topology(
    {**CALLS.kinds, "store": "database", "m1": "host", "m2": "host"},
    {"pay.shop.internal": "pay"},
    CALLS.edges,
)


def scene(*faults: tuple[str, str, str | None]) -> Scene:
    made: list[Any] = [
        signal(90 + i, ONSET + i / 10, entity, "fault") | {
            "count": 20, "title": title, "category": category}
        for i, (entity, title, category) in enumerate(faults)
    ]  # fmt: skip
    names = tuple(dict.fromkeys(str(s["entity"]) for s in made))
    cascade = Cascade(names[0], names, tuple(made), {n: i for i, n in enumerate(names)})
    texts = {s["signal"]: s["title"] for s in made}
    return Scene(cascade, at(ONSET), SHAPE, texts, (), (), troubled=made)


def found(where: Scene) -> list[tuple[str, str | None]]:
    return [(c.place, c.category) for c in triggers.found(where)]


def test_a_certificate_is_that_of_the_host_that_the_error_names() -> None:
    assert found(scene(("web", TLS, None))) == [("pay", "certificate")]


def test_names_that_one_cannot_resolve_are_its_own_trouble_those_of_several_are_not() -> None:
    assert found(scene(("web", DNS, None))) == [("web", "network")]
    both = scene(("web", DNS, None), ("cart", DNS, None))
    assert found(both) == [("pay", "network")]


def test_what_a_database_answered_is_its_own_trouble() -> None:
    both = scene(("web", DISK, None), ("cart", DISK, None))
    assert found(both) == [("store", "resource_exhaustion")]
    assert blamed.entity("store", scene(("store", DISK, None)).symptoms, both) is None


def test_the_machine_that_fails_is_blamed_for_what_runs_on_it() -> None:
    broken = ("m1", "mce: hardware error", "hardware")
    [host] = blamed.machines(scene(("web", "timeout", None), broken))
    assert (host.place, host.signal["category"]) == ("m1", "hardware")
    assert blamed.machines(scene(("pay", "timeout", None), broken)) == []


def test_machines_that_are_all_busy_are_so_by_what_runs_on_them() -> None:
    busy = [(m, "cpu_percent rose from 4 to 100", "resource_exhaustion") for m in ("m1", "m2")]
    where = scene(("web", "timeout", None), busy[0])
    assert [c.place for c in blamed.machines(where)] == ["m1"]
    spread = replace(where, topology=SHAPE.with_edges([("web", "m2", "runs_on")]))
    assert [c.place for c in blamed.machines(spread)] == ["m1"]
    every = replace(scene(("web", "timeout", None), *busy), topology=spread.topology)
    assert blamed.machines(every) == []


def test_a_machine_that_lacks_what_its_like_have_bears_what_runs_on_it() -> None:
    busy = ("m1", "cpu rose from 30 to 100", "resource_exhaustion")
    where = scene(("web", "timeout", None), busy)
    [alone] = blamed.machines(where)
    assert alone.bears == frozenset()
    edges = [("web", "m3", "runs_on")]
    [one] = blamed.machines(replace(where, topology=where.topology.with_edges(edges)))
    assert one.bears == {"web"}
    assert one.terms[0].about == blamed.SHOWS
