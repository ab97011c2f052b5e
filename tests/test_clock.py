"""Times keep every digit and are never invented."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_timeline import clock


def ns(*texts: str | None, naive_is_utc: bool = False) -> list[int | None]:
    times = clock.parse(pa.array(texts, pa.string()), naive_is_utc=naive_is_utc)
    return times.timestamp.cast(pa.int64()).to_pylist()


@pytest.mark.parametrize(
    ("text", "expected", "precision"),
    [
        ("2026-03-03T13:30:00Z", 1_772_544_600_000_000_000, 10**9),
        ("2026-03-03T13:30:00.123456789Z", 1_772_544_600_123_456_789, 1),
        ("2026-03-03 13:30:00.1234567+00:00", 1_772_544_600_123_456_700, 100),
        ("2026-03-03T15:30:00,5+0200", 1_772_544_600_500_000_000, 10**8),
        ("2026-03-03T13:30Z", 1_772_544_600_000_000_000, 60 * 10**9),
        ("2026-03-03t13:30:00 UTC", 1_772_544_600_000_000_000, 10**9),
        ("2026-03-03T13:30:00.1234567891234Z", 1_772_544_600_123_456_789, 1),
    ],
)
def test_every_digit_is_kept(text: str, expected: int, precision: int) -> None:
    times = clock.parse(pa.array([text]))
    assert times.timestamp.cast(pa.int64()).to_pylist() == [expected]
    assert times.precision.to_pylist() == [precision]


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "SOME-ERROR-HERE-T08:44:02.8921579Z", "2026-02-30T00:00:00Z",
     "2026-13-01T00:00:00Z", "2026-03-03T24:00:00Z", "2026-03-03", "1601-01-01T00:00:00Z",
     "9999-12-31T23:59:59Z", "2026-03-03T13:30:00.Z", "2026-03-03T13:30:00+2:00",
     "2026-03-03T13:30:00Zulu"],
)  # fmt: skip
def test_what_is_no_time_is_null(text: str) -> None:
    assert ns(text) == [None]


def test_a_time_without_a_zone_is_null_and_counted() -> None:
    times = clock.parse(pa.array(["2026-03-03T13:30:00", None, "2026-03-03T13:30:00Z"]))
    assert times.without_zone == 1
    assert times.timestamp.null_count == 2
    assert ns("2026-03-03T13:30:00", naive_is_utc=True) == [1_772_544_600_000_000_000]


@given(
    st.datetimes(datetime.fromisoformat("1700-01-01"), datetime.fromisoformat("2250-01-01")),
    st.integers(-23 * 60, 23 * 60),
)
def test_the_kernel_agrees_with_the_standard_library(moment: datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    [got] = ns(aware.isoformat())
    assert got == clock.nanoseconds(aware)


@given(st.integers(-(2**62), 2**62))
def test_written_and_read_again_is_the_same(time: int) -> None:
    assert ns(clock.rfc3339(time)) == [time]


def test_precision_says_how_many_digits_are_written() -> None:
    second = clock.nanoseconds(datetime(2026, 3, 3, 13, 30, tzinfo=UTC))
    assert clock.rfc3339(second, 10**9) == "2026-03-03T13:30:00Z"
    assert clock.rfc3339(second, 10**6) == "2026-03-03T13:30:00.000Z"
    assert clock.rfc3339(second + 1, 10**9) == "2026-03-03T13:30:00.000000001Z"


def test_epochs_in_every_unit() -> None:
    def read(text: str, unit: str) -> tuple[list[int | None], list[int | None]]:
        times = clock.epoch(pa.array([text]), unit)
        return times.timestamp.cast(pa.int64()).to_pylist(), times.precision.to_pylist()

    assert read("1772544600", "s") == ([1_772_544_600_000_000_000], [10**9])
    assert read("1772544600.123", "s") == ([1_772_544_600_123_000_000], [10**6])
    assert read("1772544600123", "ms") == ([1_772_544_600_123_000_000], [10**6])
    assert read("1772544600123456789", "ns") == ([1_772_544_600_123_456_789], [1])
    assert read("99999999999999999", "s") == ([None], [None])
    assert read("soon", "ms") == ([None], [None])


UNITS = st.sampled_from(sorted(clock.NANOSECONDS.items()))


@settings(deadline=None)  # the first call may compile
@given(st.decimals(-(2**62), 2**62, places=4), UNITS)
def test_an_epoch_is_the_number_times_its_unit(number: Decimal, unit: tuple[str, int]) -> None:
    name, scale = unit
    times = clock.epoch(pa.array([f" {number}\t"]), name)
    exact = int(number * scale)  # towards zero: no digit is invented
    fits = abs(int(number)) < (2**63 - 1) // scale
    assert times.timestamp.cast(pa.int64()).to_pylist() == [exact if fits else None]
    assert times.precision.to_pylist() == [max(scale // 10**4, 1) if fits else None]


@pytest.mark.parametrize(
    "text", ["", "-", ".5", "1e9", "+1", "1.2.3", "1 2", "12345678901234567890"]
)
def test_what_is_no_plain_number_is_no_epoch(text: str) -> None:
    assert clock.epoch(pa.array([text]), "ns").timestamp.to_pylist() == [None]


def test_integers_and_nulls_are_epochs_too() -> None:
    times = clock.epoch(pa.array([5, None, -5]), "ms").timestamp
    assert times.cast(pa.int64()).to_pylist() == [5_000_000, None, -5_000_000]


def test_a_slice_of_a_column_reads_its_own_rows() -> None:
    column = pa.array(["x", "2026-03-03T13:30:00Z", "2026-03-03T13:30:01Z"]).slice(1)
    assert clock.parse(column).timestamp.cast(pa.int64()).to_pylist() == [
        1_772_544_600_000_000_000,
        1_772_544_601_000_000_000,
    ]
