"""Where a change acted counts by what it can do to what broke."""

from nova_timeline.correlate import reach
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.merged import Change
from nova_timeline.correlate.scene import Scene
from nova_timeline.topology import Topology

from .changes import record
from .scenes import at, calls, signal

SENDS = '-  "card_number": order.card,\n+  "pan": order.card,\n'


def scene(said: str, shape: Topology) -> Scene:
    """Let the biller fail, saying so; the shop sends it messages."""
    fault = signal(9, 40, "biller", "fault", title=said, kind="log", count=30)
    return Scene(Cascade("biller", ("biller",), (fault,), {"biller": 0}), at(40), shape, {}, (), ())


def sent(entity: str, diff: str) -> Change:
    one, held = record(0, 35, entity, "x", diff=diff)
    return Change(one, (), ("x",), (held,))


def test_a_caller_that_no_longer_sends_what_is_missed_is_near() -> None:
    where = scene("KeyError: 'card_number'", calls("shop>biller"))
    found = reach.place(sent("shop", SENDS), where)
    assert "no longer sends card_number" in found.text
    assert found.weight > 0.1
    assert reach.share(sent("shop", SENDS), where) > 0.7


def test_what_is_still_sent_or_not_missed_or_sent_to_others_tells_nothing() -> None:
    where = scene("KeyError: 'card_number'", calls("shop>biller", "web>shop"))
    kept = '-  "card_number": a,\n+  "card_number": b,\n'
    assert reach.place(sent("shop", kept), where).weight < 0.1
    assert reach.place(sent("web", SENDS), where).weight < 0.1
    other = scene("TimeoutError: no answer", calls("shop>biller"))
    assert reach.place(sent("shop", SENDS), other).weight < 0.1
