"""Records of one change are one change, whoever tells of it."""

import pytest

from nova_timeline.correlate import merged
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.scene import Scene

from .changes import record
from .scenes import at, calls, signal

SHAPE = calls("web>shop")
DIFF = "--- a/x.py\n+++ b/x.py\n-a = 1\n+a = b"


def records(*told: tuple[dict[str, object], dict[str, str]]) -> list[tuple[int, ...]]:
    """Say which records (numbers) were put together."""
    fault = signal(90, 40, "shop", "fault")
    cascade = Cascade("shop", ("shop",), (fault,), {"shop": 0})
    made = [s for s, _ in told]
    held = {int(str(s["signal"])): a for s, a in told}
    texts = {n: "\n".join((str(made[i]["title"]), *held[n].values())) for i, n in enumerate(held)}
    where = Scene(cascade, at(40), SHAPE, texts, made, (), attributes=held)
    return [tuple(sorted(r["signal"] for r in c.records)) for c in merged.one_each(where)]


def test_a_bare_roll_out_is_that_of_which_more_is_known() -> None:
    bare = record(0, 30, "shop", "shop was deployed by ecs:UpdateService")
    told = record(1, 30.1, "shop", "Deploy of shop to version 2", revision="abcdef123", diff=DIFF)
    assert records(bare, told) == [(0, 1)]


def test_two_roll_outs_are_two_if_they_are_apart_or_both_told_of() -> None:
    bare = record(0, 30, "shop", "shop was deployed by ecs:UpdateService")
    later = record(1, 31, "shop", "Deploy of shop to version 2", revision="abcdef123", diff=DIFF)
    other = record(2, 30, "web", "Deploy of web to version 2", revision="fedcba987", diff=DIFF)
    assert len(records(bare, later, other)) == 3


def test_a_setting_is_the_variable_that_it_is_rolled_out_as() -> None:
    def setting(
        number: int, key: str, old: str, kind: str
    ) -> tuple[dict[str, object], dict[str, str]]:
        held = {"config.key": key, "config.previous": old, "config.value": "4500"}
        made, _ = record(number, 30, "shop", f"change {number}", kind=kind)
        return made, {k: v for k, v in held.items() if v}

    file = setting(0, "shop.upstream.timeout_ms", "5000", "config_change")
    variable = setting(1, "SHOP_UPSTREAM_TIMEOUT_MS", "", "deploy")
    other = setting(2, "SHOP_PORT", "", "deploy")
    assert records(file, variable, other) == [(0, 1), (2,)]


def test_a_setting_is_read_out_of_what_a_managed_service_says_of_it() -> None:
    said = "Updated parameter work_mem from 4096 to 64 with apply method immediate."
    one, held = record(0, 35, "db", said, kind="config_change")
    log, other = record(1, 35, "db", said, kind="deploy")
    [told] = merged.Change(one, (), (said,), (held,)).settings
    assert (told.key, told.old, told.new) == ("work_mem", "4096", "64")
    assert merged.Change(log, (), (said,), (other,)).settings == ()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("cart synced: ConfigMap cart-env POOL_SIZE 20 -> 5", [("POOL_SIZE", "20", "5")]),
        ("applied values.yaml: http.idleTimeout: 60s → 5s", [("http.idleTimeout", "60s", "5s")]),
        ("Dynamic parameter max_delay changed from 30 to -1.", [("max_delay", "30", "-1")]),
        ("cart reloaded: auth.audience cart -> cart,cart-v2", []),
        ("cart moved 3 -> 5", []),
    ],
)
def test_a_setting_is_read_off_an_arrow(said: str, told: list[tuple[str, str, str]]) -> None:
    one, held = record(0, 35, "cart", said, kind="config_change")
    found = merged.Change(one, (), (said,), (held,)).settings
    assert [(s.key, s.old, s.new) for s in found] == told


def flag(
    number: int, minutes: float, key: str, old: str, new: str
) -> tuple[dict[str, object], dict[str, str]]:
    """Make the record of a switch of the shop."""
    made, _ = record(number, minutes, "shop", f"Feature flag {key}", kind="feature_flag")
    held = {"key": key, "previous": old, "value": new}
    return made, {f"feature_flag.{k}": v for k, v in held.items()}


def test_a_switch_is_the_commit_that_set_it() -> None:
    diff = "--- a/flags.yaml\n+++ b/flags.yaml\n shadow_sample:\n-  value: {}\n+  value: {}\n"
    share = record(0, 30, None, "the whole population", kind="commit", diff=diff.format(0.01, 1.0))
    assert records(share, flag(1, 31, "shadow_sample", "0.01", "1.0")) == [(0, 1)]
    turned = record(0, 30, None, "on it goes", kind="commit", diff=diff.format("false", "true"))
    assert records(turned, flag(1, 31, "shadow_sample", "off", "on")) == [(0, 1)]


def test_a_switch_is_not_of_a_commit_that_sets_another_or_otherwise_or_later() -> None:
    diff = "--- a/flags.yaml\n+++ b/flags.yaml\n shadow_sample:\n-  value: 0.01\n+  value: 1.0\n"
    early = record(0, 30, None, "x", kind="commit", diff=diff)
    late = record(0, 35, None, "x", kind="commit", diff=diff)
    assert len(records(early, flag(1, 31, "refund_window", "0.01", "1.0"))) == 2
    assert len(records(early, flag(1, 31, "shadow_sample", "0.01", "0.5"))) == 2
    assert len(records(late, flag(1, 31, "shadow_sample", "0.01", "1.0"))) == 2


def test_roll_outs_of_other_images_are_two_however_near_and_each_is_its_commit() -> None:
    def rolled(number: int, minute: float, tag: str) -> tuple[dict[str, object], dict[str, str]]:
        one, held = record(number, minute, "shop", "shop was deployed to Cloud Run")
        return one, held | {"gcp.audit.request": f'{{"image": "hub/acme-docker/shop:{tag}"}}'}

    commits = [
        record(2, 10, "shop", "Commit abcdef1: a", revision="abcdef123", diff=DIFF, kind="commit"),
        record(3, 11, "shop", "Commit fedcba9: b", revision="fedcba987", diff=DIFF, kind="commit"),
    ]
    two = rolled(0, 39, "abcdef1"), rolled(1, 40, "fedcba9")
    assert records(*two, *commits) == [(0, 2), (1, 3)]


def test_a_service_that_takes_up_a_value_tells_of_the_commit_that_set_it() -> None:
    diff = "--- a/shop.yaml\n+++ b/shop.yaml\n-    level: info\n+    level: debug"
    commit = record(0, 20, "shop", "Commit 1: log more", kind="commit", revision="a1", diff=diff)
    read = record(1, 35, "shop", "configuration reloaded; logger.level=debug", kind="config_change")
    other = record(2, 35, "shop", "configuration reloaded; logger.level=warn", kind="config_change")
    ahead = record(
        3, 10, "shop", "configuration reloaded; logger.level=debug", kind="config_change"
    )
    assert records(commit, read) == [(0, 1)]
    assert len(records(commit, other)) == 2
    assert len(records(commit, ahead)) == 2
