"""Records of one change are one change, whoever tells of it."""

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
