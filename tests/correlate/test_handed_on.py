"""What arises in callers by their own books is held against the one that their errors name."""

from nova_timeline.correlate import handed_on, suspects
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.suspects import Charge

from .scenes import signal, table

ROOT = signal(0, 10, "pay", "fault", title="pay is silent, and its callers say: refused")
SIGNS = [ROOT, signal(1, 10, "shop", "fault"), signal(2, 11, "cart", "fault"),
         signal(3, 12, "edge", "fault"), signal(4, 12, "mail", "fault")]  # fmt: skip
DEPTH = {"pay": 0, "shop": 1, "cart": 1, "edge": 2}
CASCADE = Cascade("pay", tuple(DEPTH), tuple(SIGNS[:4]), DEPTH)


def after(**charged: float) -> dict[str, float]:
    charges = [Charge(e, "accounting", score, e) for e, score in charged.items()]
    found = suspects.find(charges, table(*SIGNS))
    return {s.entity: round(s.score, 3) for s in handed_on.to_root(found, CASCADE)}


def test_the_charges_of_its_nearest_callers_go_to_the_root() -> None:
    assert after(shop=0.4, cart=0.2, edge=0.3) == {
        "pay": 0.6, "shop": 0.1, "edge": 0.075, "cart": 0.05,
    }  # fmt: skip


def test_what_is_held_against_others_stays_theirs() -> None:
    assert after(mail=0.5) == {"mail": 0.5}
    assert after(pay=0.5, mail=0.2) == {"pay": 0.5, "mail": 0.2}


def test_no_more_than_all_can_be_held_against_the_root() -> None:
    assert after(pay=0.9, shop=0.8)["pay"] == 1.0


def test_the_root_is_cited_with_those_that_hand_it_on() -> None:
    found = suspects.find([Charge("shop", "accounting", 0.4, "shop")], table(*SIGNS))
    root = handed_on.to_root(found, CASCADE)[0]
    assert (root.entity, root.signal["signal"], root.terms[0].signals) == ("pay", 0, (0, 1))
