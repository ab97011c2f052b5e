"""What failed is told by what its records say, without what they are found by."""

from nova_timeline.correlate.symptoms import Symptom


def text(raw: str, entity: str = "exporter") -> str:
    return " ".join(Symptom(raw, entity, True, 0, 1, True).text.split())


def test_what_a_record_is_found_by_is_no_sign() -> None:
    assert text("gave up trace_id=98f410e7 after 3 s") == "gave up after 3 s"
    assert "410" not in text('gave up {"request_id": "410"}')


def test_whose_record_it_is_is_no_sign() -> None:
    assert text("exporter: gave up") == text("exporter gave up") == "gave up"
    assert text("exporter-queue is full") == "exporter queue is full"
    assert text("cannot reach exporter") == "cannot reach exporter"
