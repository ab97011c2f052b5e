"""Whether an address lies in a network that a change leaves out is counted, and not read."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.correlate import diffs, judgements, networks

from .changes import record
from .scenes import signal
from .test_timing import ONSET, judged, scene

CASES = [
    # Three blocks become one that is too small for the last of them.
    ('-cidrs = ["10.4.0.0/19", "10.4.32.0/19", "10.4.64.0/20"]\n+cidrs = ["10.4.0.0/18"]\n',
     "from 10.4.71.23: timed out", "10.4.71.23"),
    # One line of a list is gone.
    ("   - 172.16.0.0/16\n-  - 172.20.8.0/22\n", "no route for 172.20.11.255:443", "172.20.11.255"),
    ("-allow 2001:db8:5::/48;\n+allow 2001:db8:6::/48;\n", "client 2001:db8:5:1::7 denied",
     "2001:db8:5:1::7"),
    # The block got larger, or still holds what failed.
    ("-cidr: 10.4.0.0/19\n+cidr: 10.4.0.0/16\n", "from 10.4.3.9: timed out", None),
    ("-cidr: 10.4.0.0/16\n+cidr: 10.4.0.0/19\n", "from 10.4.3.9: timed out", None),
    # A list that goes on beside what was taken out.
    ("   - 10.0.0.0/8\n-  - 10.9.0.0/16\n", "from 10.9.0.4: timed out", None),
    ("-timeout: 4\n+timeout: 5\n", "from 10.9.0.4: timed out", None),
    # What is no address: a version, a time, a path.
    ("-cidr: 1.0.0.0/8\n+cidr: 9.0.0.0/8\n", "agent v1.2.3.4-rc at 12:00:01 /1.2.3.4/x", None),
]  # fmt: skip


@pytest.mark.parametrize(("diff", "said", "expected"), CASES)
def test_an_address_that_a_change_leaves_out_is_found(
    diff: str, said: str, expected: str | None
) -> None:
    assert networks.left_out(diffs.read(diff), [said]) == expected


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(4, 30)), min_size=1, max_size=5),
       st.integers(0, 2**32 - 1))  # fmt: skip
def test_an_address_is_left_out_as_counting_says(blocks: list[tuple[int, int]], host: int) -> None:
    nets = [ipaddress.ip_network((n, bits), strict=False) for n, bits in blocks]
    gone, now = nets[:1], nets[1:]
    text = "".join(f"-a {n}\n" for n in gone) + "".join(f"+b {n}\n" for n in now)
    address = ipaddress.ip_address(host)
    out = any(address in n for n in gone) and not any(address in n for n in now)
    assert networks.left_out(diffs.read(text), [f"peer {address}"]) == (
        str(address) if out else None
    )


def test_what_fails_in_a_network_that_is_left_out_speaks_against_the_change() -> None:
    diff = CASES[0][0]
    fault = signal(90, ONSET, "shop", "fault", title="connect from 10.4.71.23: timed out", count=30)
    [found] = judged(scene(record(0, 55, "shop", "a", diff=diff), faults=(fault,)))
    [term] = [t for t in found.terms if t.about == "hazard"]
    assert term.weight == judgements.EXPLAINS
    assert term.text.startswith("what failed is at 10.4.71.23, which is in a network")
    assert term.signals == (0, 90)
