"""A change says itself how long nothing will show of it."""

import pytest

from nova_timeline.correlate import delays


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("+ until = Clock.now.AddMinutes(10)", [600]),
        ("+ ends = now + timedelta(hours=2)", [7200]),
        ("+ const hold = 15 * time.Minute", [900]),
        ("+ expires_in: 30.minutes", [1800]),
        ("+ Duration.ofHours(6)", [21_600]),
        ("+ redis.set(key, value, 'EX', 900)", [900]),
        ("+ ttl: 45m", [2700]),
        ("+ cpu: 500m", []),
        ("+ timeout: 30s", []),
        ("+ port: 8443", []),
    ],
)
def test_a_line_tells_how_long_things_wait(line: str, seconds: list[int]) -> None:
    assert sorted(n // 10**9 for n in delays.told([line])) == seconds
