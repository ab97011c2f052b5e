"""What writes nothing itself is spoken for by those that cannot reach it."""

from typing import Any

import pytest

from nova_timeline.correlate import silent

from .scenes import at, calls, signal, table

SHAPE = calls("web>pay", "shop>pay", "shop>orders-db", "mail>relay")


def spoken(*told: dict[str, Any]) -> list[dict[str, Any]]:
    return silent.spoken_for(table(*told), SHAPE).to_dicts()


def fault(number: int, entity: str, title: str, count: int = 20, **over: Any) -> dict[str, Any]:
    return signal(number, 10 + number, entity, "fault", title=title, count=count, **over)


def test_two_callers_speak_for_what_they_cannot_reach() -> None:
    [found] = spoken(
        fault(0, "shop", "pay answered 503", end=at(15)), fault(1, "web", "refused by pay.example")
    )
    assert (found["entity"], found["time"], found["end"]) == ("pay", at(10), at(15))
    assert (found["count"], found["row"], found["role"]) == (40, 0, "fault")
    assert found["title"] == "pay is silent, and its callers say: pay answered 503"


def test_who_speaks_for_itself_needs_nobody() -> None:
    told = [fault(0, "shop", "pay answered 503"), fault(1, "web", "pay answered 503")]
    assert spoken(*told, fault(2, "pay", "KeyError")) == []


def test_one_caller_speaks_for_one_and_not_for_all_that_it_calls() -> None:
    assert [f["entity"] for f in spoken(fault(0, "shop", "connect to pay: refused"))] == ["pay"]
    both = [fault(0, "shop", "connect to pay: refused"), fault(1, "shop", "orders-db: refused")]
    assert spoken(*both) == []


@pytest.mark.parametrize(
    "title",
    [
        "Read timed out: pay",
        "getaddrinfo EAI_AGAIN pay.example",
        "relay answered 503",
        "KeyError",
        "a temporary error during hostname resolution: pay",
        "pay: password authentication failed",
    ],
)
def test_what_may_be_the_callers_own_fault_speaks_for_nobody(title: str) -> None:
    assert spoken(fault(0, "shop", title), fault(1, "web", title)) == []


def test_a_few_records_speak_for_nobody() -> None:
    assert spoken(fault(0, "shop", "pay refused", 4), fault(1, "web", "pay refused", 3)) == []


def test_nothing_speaks_for_nobody() -> None:
    assert silent.spoken_for(table(signal(0, 1, "a", "change")), SHAPE).is_empty()


def test_trouble_of_another_hour_is_no_word_of_this_one() -> None:
    told = [fault(0, "shop", "pay answered 503"), fault(1, "web", "pay answered 503")]
    [found] = spoken(*told, signal(9, 60, "pay", "fault", title="deadlock detected"))
    assert found["entity"] == "pay"
