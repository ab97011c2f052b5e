"""What logs and diffs say may be cut off, wrong or made to harm: it is never fatal."""

import pytest

from nova_timeline import knowledge
from nova_timeline.correlate import (
    called,
    hazards,
    innocence,
    merged,
    settings,
    surges,
    templates,
    touched,
    triggers,
)
from nova_timeline.topology import Topology

from . import test_analysis
from .changes import change
from .scenes import events, metrics
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
    assert surges.risen_at(scene(odd, rose("web", "requests", 1.0, 9.0))) is not None


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


BLOBS = {
    "letters": "QWx0aG91Z2g" * 1800,
    "one letter": "a" * 20_000,
    "marks": "_" * 20_000,
    "rule": "=" * 20_000,
    "words": "lock acquire( unmarshal for x in " * 600,
    "joined words": "lockacquireunmarshalcert" * 800,
    "lists": "=[ for " * 2_800,
    "names": "a.b-c." * 3_300,
}


@pytest.mark.parametrize("blob", BLOBS.values(), ids=BLOBS.keys())
def test_what_is_no_word_keeps_no_pattern_busy_without_end(blob: str) -> None:
    odd = change(f"chore: {blob[:160]}", f"-x = 1\n-{blob}b\n+x = 2\n+{blob}\n", ["go.mod"])
    assert odd.diff is not None
    assert len(odd.settings) > 0
    assert odd.diff.looped == ()
    assert innocence.judge(odd) is not None
    assert innocence.libraries(odd) == {}
    assert sum(hazards.shown(h, odd) is not None for h in knowledge.hazards()) < len(BLOBS)
    assert templates.text(blob * 100) is not None
    assert touched.entities([("x", blob * 10)], Topology()) == [None]


@pytest.mark.parametrize("blob", BLOBS.values(), ids=BLOBS.keys())
def test_an_incident_is_told_though_its_records_are_no_words(blob: str) -> None:
    lines = [
        test_analysis.record(30 + i / 30, "db", role="fault", rule="database.unavailable",
                             title=f"db is down: {blob[:120]}", body=f"{blob} {i}")
        for i in range(60)
    ]  # fmt: skip
    held = {"diff": f"-pool = 40\n-{blob}\n+pool = 4\n+{blob}b\n", "config.key": blob}
    broke = test_analysis.change(28, "db", "db: set pool", attributes=held)
    fired = test_analysis.alert(31, "web", "alert_firing", "web 5xx")
    series = metrics(("db", f"cpu_{blob[:500]}", [1.0] * 30 + [80.0] * 60))
    found = test_analysis.run(events(broke, *lines, fired), series)
    assert found.candidates
