"""The steps of an incident are shown by evidence or left out."""

from nova_timeline.correlate import cascades, phases
from nova_timeline.correlate.episode import Signal
from nova_timeline.correlate.phases import Phase
from nova_timeline.topology import Topology

from .scenes import MINUTE, at, calls, episode, signal, table

SHAPE = calls("web>db")


def metric(number: int, minutes: float, entity: str, back: float | None) -> list[Signal]:
    """Make a metric that leaves its level, and its return."""
    rule = {"rule": f"metric:errors {entity}", "kind": "metric_change", "table": "metric"}
    over = {**rule, "precision": MINUTE}
    ends = None if back is None else at(back)
    found = [signal(number, minutes, entity, "fault", end=ends, **over)]
    return found if back is None else [*found, signal(number + 1, back, entity, "recovery", **over)]


def onset(*signals: Signal) -> Phase:
    bad = episode(*(s for s in signals if s["is_effect"]))
    return phases.onset(bad, cascades.find(bad, SHAPE))


def later(*signals: Signal, root: str = "db") -> dict[str, int]:
    """Find the later steps: name -> signal."""
    bad = episode(*(s for s in signals if s["is_effect"]))
    began = Phase(min(s["time"] for s in bad.signals), 0)
    found = phases.later(table(*signals), bad, began, root)
    return {name: p.signal for name, p in found.items()}


def test_the_onset_is_the_first_firm_sign() -> None:
    assert onset(signal(0, 10, "db", "fault"), signal(1, 12, "web", "fault")) == Phase(at(10), 0)


def test_a_precursor_is_no_onset() -> None:
    precursor = signal(0, 5, "db", "fault", weight=1.0)
    assert onset(precursor, signal(1, 10, "db", "fault")) == Phase(at(10), 1)


def test_an_early_sign_that_nothing_follows_is_no_onset() -> None:
    assert onset(signal(0, 5, "db", "fault"), signal(1, 9, "db", "fault")).time == at(9)
    assert onset(signal(0, 5, "db", "fault"), signal(1, 8, "db", "fault")).time == at(5)


def test_an_early_sign_that_goes_on_is_the_onset() -> None:
    lasting = signal(0, 5, "db", "fault", end=at(14))
    assert onset(lasting, signal(1, 16, "db", "fault")).time == at(5)
    over = signal(0, 5, "db", "fault", end=at(11))
    assert onset(over, signal(1, 16, "db", "fault")).time == at(16)


def test_an_exact_stamp_inside_a_metrics_interval_is_the_onset() -> None:
    [coarse] = metric(0, 10, "db", None)
    assert onset(coarse, signal(1, 10.6, "web", "fault")) == Phase(at(10.6), 0)
    assert onset(coarse, signal(1, 11.0, "web", "fault")) == Phase(at(10), 0)


def test_a_finer_interval_inside_a_coarse_one_is_the_onset() -> None:
    [coarse] = metric(0, 10, "db", None)
    [fine] = metric(1, 13, "web", None)
    assert onset(coarse | {"precision": 5 * MINUTE}, fine) == Phase(at(13), 0)


def test_alerts_alone_have_an_onset() -> None:
    assert onset(signal(0, 10, "db", "alert_firing")) == Phase(at(10), 0)


def test_an_alert_is_the_onset_only_where_the_rest_follows_soon() -> None:
    told = signal(0, 10, "db", "alert_firing")
    assert onset(told, signal(1, 11, "db", "fault")).time == at(10)
    assert onset(told, signal(1, 14, "db", "fault")).time == at(14)


def test_detected_and_acknowledged_are_the_first_of_their_kind() -> None:
    found = later(
        signal(0, 10, "db", "fault"),
        signal(1, 11, "web", "alert_firing"),
        signal(2, 12, "db", "alert_firing"),
        signal(3, 13, None, "acknowledgement"),
        signal(4, 14, None, "acknowledgement"),
    )
    assert found == {"detected": 1, "acknowledged": 3}


def test_an_alert_of_an_entity_out_of_trouble_detects_nothing() -> None:
    stray = signal(1, 11, "mail", "alert_firing", is_effect=False)
    assert later(signal(0, 10, "db", "fault"), stray) == {}


def test_recovered_is_when_the_last_harmed_metric_is_back() -> None:
    found = later(*metric(0, 10, "db", 30), *metric(2, 11, "web", 32))
    assert found == {"recovered": 3}


def test_with_a_metric_still_off_there_is_no_recovery() -> None:
    assert later(*metric(0, 10, "db", 30), *metric(2, 11, "web", None)) == {}


def test_with_the_detecting_alert_unresolved_there_is_no_recovery() -> None:
    alert = signal(2, 12, "db", "alert_firing")
    resolved = signal(3, 33, "db", "alert_resolved")
    assert later(*metric(0, 10, "db", 30), alert) == {"detected": 2}
    assert later(*metric(0, 10, "db", 30), alert, resolved) == {"detected": 2, "recovered": 3}


def test_another_alert_that_resolves_later_does_not_prolong_it() -> None:
    found = later(
        signal(0, 10, "db", "alert_firing"),
        signal(1, 11, "web", "alert_firing"),
        signal(2, 30, "db", "alert_resolved"),
        signal(3, 50, "web", "alert_resolved"),
    )
    assert found["recovered"] == 2


def test_without_any_sign_of_it_there_is_no_recovery() -> None:
    assert "recovered" not in later(signal(0, 10, "db", "fault"))


def changed(number: int, minutes: float, entity: str, kind: str, title: str = "v") -> Signal:
    return signal(number, minutes, entity, "change", kind=kind, title=title)


def test_the_roots_own_change_mitigates_rather_than_the_commit_of_it() -> None:
    found = later(
        *metric(0, 10, "db", 30),
        changed(2, 25, "db", "commit", "Revert pool size"),
        changed(3, 26, "db", "config_change"),
        changed(4, 27, "web", "deploy", "rollback"),
    )
    assert found == {"recovered": 1, "mitigated": 3}


def test_of_two_changes_alike_the_one_that_takes_something_back_mitigates() -> None:
    roll = changed(2, 25, "db", "deploy", "rolled back to v1")
    found = later(*metric(0, 10, "db", 30), roll, changed(3, 26, "db", "deploy"))
    assert found["mitigated"] == 2


def test_a_change_before_the_onset_or_long_before_recovery_mitigates_nothing() -> None:
    early, old = changed(2, 9, "db", "deploy"), changed(3, 12, "db", "deploy")
    assert "mitigated" not in later(*metric(0, 10, "db", 40), early, old)


def test_without_a_recovery_nothing_mitigated() -> None:
    assert later(*metric(0, 10, "db", None), changed(2, 12, "db", "deploy")) == {}


def test_without_a_topology_the_widest_cascade_is_one_entity() -> None:
    bad = episode(signal(0, 10, "a", "fault"), signal(1, 12, "b", "fault"))
    assert phases.onset(bad, cascades.find(bad, Topology())) == Phase(at(10), 0)


def test_a_metric_that_an_alert_soon_follows_is_the_onset_though_records_come_late() -> None:
    [lasting] = metric(0, 10, "db", None)
    late = signal(2, 30, "db", "fault")
    assert onset(lasting, late).time == at(30)
    assert onset(lasting, signal(1, 12, "db", "alert_firing"), late).time == at(10)
    assert onset(lasting, signal(1, 12, "web", "alert_firing"), late).time == at(30)
    short = metric(0, 10, "db", 15)
    assert onset(
        *short, signal(2, 12, "db", "alert_firing"), signal(3, 30, "db", "fault")
    ).time == at(30)
