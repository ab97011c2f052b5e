"""What logs and diffs say may be cut off, wrong or made to harm: it is never fatal."""

import pytest

from nova_timeline.correlate import called, innocence, merged, settings, triggers

from .changes import change
from .test_triggers import rose, scene

DEEP = 100_000


@pytest.mark.parametrize("until", ["2026-02-30T00:00", "2026-13-01T00:00:00", "٢٠٢٦-03-03T14:10"])
def test_a_certificate_may_end_on_a_day_that_there_is_not(until: str) -> None:
    fault = {
        "title": "x509: certificate has expired",
        "text": f"x509: certificate has expired, notAfter={until}",
    }
    [found] = triggers.found(scene(fault))
    assert found.category == "certificate"


@pytest.mark.parametrize(
    "since",
    ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z",
     "Mon, 99 Jan 2026 10:00:00 GMT"],
)  # fmt: skip
def test_a_provider_may_say_that_it_began_at_no_time_at_all(since: str) -> None:
    title = "health dashboard: increased error rates"
    found = triggers.found(scene({"title": title, "text": f"{title}, startTime: {since}"}))
    assert all("it says that it began" not in t.text for c in found for t in c.terms)


def test_a_metric_may_be_named_like_a_rise() -> None:
    odd = rose("shop", "requests rose from e to e.", 1.0, 9.0)
    assert triggers.surged(scene(odd, rose("web", "requests", 1.0, 9.0))) is not None


def test_a_factor_may_be_no_number_that_can_be_counted_with() -> None:
    assert settings.amount("5 * ²") == 5
    assert settings.amount("5 * 3") == 15


def test_json_may_be_nested_without_end() -> None:
    deep = "[" * DEEP + "]" * DEEP
    assert called.settings({"aws.request_parameters": deep}) == {}
    held = {"files": deep}
    made = change("x")
    assert merged.Change(made.signal, (), made.texts, (held,)).files == (deep,)


def test_a_version_may_have_digits_without_end() -> None:
    many = "9" * 5000
    odd = change("bump", f"-left-pad==1.{many}\n+left-pad==2.{many}\n", ["requirements.txt"])
    assert innocence.judge(odd) is not None
    assert innocence.libraries(odd) is not None
