"""timeline.json: its schema, its bytes, and that nothing is lost on the way there and back."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nova_timeline
from nova_timeline import schema
from nova_timeline.document import dumps, from_document, loads, to_document
from nova_timeline.errors import RunFolderError
from nova_timeline.model import PHASES, Findings, Moment
from tests.findings import EVERY, FINDINGS, HEALTHY, SECOND

SCHEMA: dict[str, Any] = json.loads(
    Path(nova_timeline.__path__[0], "timeline.schema.json").read_text()
)


@pytest.mark.parametrize("findings", EVERY)
def test_a_document_is_of_the_published_shape(findings: Findings) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(dumps(findings)), SCHEMA)


@pytest.mark.parametrize("findings", EVERY)
def test_a_document_reads_back_as_the_same_bytes(findings: Findings) -> None:
    data = dumps(findings)
    assert data.endswith(b"}\n")
    assert dumps(loads(data)) == data
    assert dumps(findings) == data


def test_a_document_reads_back_as_the_same_values() -> None:
    back = from_document(to_document(HEALTHY))
    assert back == HEALTHY
    assert list(back.phases) == []
    cause = FINDINGS.moments[2].caused_by[0]
    assert from_document(to_document(FINDINGS)).moments[2].caused_by[0] == replace(
        cause, score=0.913_457
    )


def test_the_schema_lists_the_words_of_the_tables() -> None:
    moment = SCHEMA["$defs"]["moment"]["properties"]
    assert tuple(moment["kind"]["enum"]) == schema.KINDS
    assert tuple(moment["role"]["enum"]) == (*schema.ROLES, None)
    assert tuple(moment["phase"]["enum"]) == (*PHASES, None)
    assert tuple(SCHEMA["$defs"]["category"]["enum"]) == schema.CATEGORIES
    assert tuple(SCHEMA["$defs"]["state"]["enum"]) == schema.STATES
    assert tuple(SCHEMA["properties"]["phases"]["properties"]) == PHASES


def test_every_key_is_described() -> None:
    page = Path(__file__).parents[1].joinpath("docs", "timeline-json.md").read_text()
    for part in (SCHEMA, *SCHEMA["$defs"].values()):
        for key in part.get("properties", {}):
            assert f"`{key}`" in page, key


def test_an_unknown_key_is_refused_by_the_schema() -> None:
    document = to_document(HEALTHY)
    document["moments"][0]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        jsonschema.validate(document, SCHEMA)


def test_times_keep_the_digits_of_their_source() -> None:
    moment = replace(FINDINGS.moments[2], precision_ns=1)
    document = to_document(replace(FINDINGS, moments=(moment,)))
    assert document["moments"][0]["time"] == "2026-03-03T13:44:00.000000000Z"
    assert document["phases"]["onset"]["time"] == "2026-03-03T13:44:00.000000000Z"
    assert document["incident"]["start"] == "2026-03-03T13:30:00Z"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "is not JSON"),
        (b"[]", "not of the shape"),
        (b'{"schema": "nova-timeline/2"}', "'nova-timeline/2'; this version reads"),
        (b'{"schema": "nova-timeline/1"}', "incident"),
        (dumps(HEALTHY).replace(b"T13:30", b" at half past one"), "not of the shape"),
    ],
)
def test_what_is_no_timeline_is_said_so(data: bytes, message: str) -> None:
    with pytest.raises(RunFolderError, match=message):
        loads(data)


def test_a_score_that_is_no_number_is_never_written() -> None:
    cause = replace(FINDINGS.root_causes[0], score=math.nan)
    with pytest.raises(ValueError, match="JSON"):
        dumps(replace(FINDINGS, root_causes=(cause,)))


def test_negative_zero_is_zero() -> None:
    cause = replace(FINDINGS.root_causes[0], score=-1e-9)
    assert b"-0.0" not in dumps(replace(FINDINGS, root_causes=(cause,)))


TIMES = st.integers(-9_000_000_000 * SECOND, 9_000_000_000 * SECOND)
MOMENTS = st.builds(
    Moment,
    id=st.text(max_size=8),
    time=TIMES,
    entity=st.text(st.characters(codec=None), max_size=8),
    kind=st.just("log"),
    title=st.text(st.characters(codec=None), max_size=20),
    end_time=st.none() | TIMES,
    precision_ns=st.sampled_from([1, 15, 100, 1_000_000, SECOND, 60 * SECOND]),
    evidence=st.lists(st.text(max_size=4)).map(tuple),
)


@given(st.lists(MOMENTS, max_size=4).map(tuple))
def test_any_moment_survives_the_round_trip(moments: tuple[Moment, ...]) -> None:
    findings = replace(HEALTHY, moments=moments)
    assert loads(dumps(findings)) == findings
