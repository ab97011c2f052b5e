"""What can be asked of a run in SQL, how the answer is written, and what cannot be reached."""

import json
from pathlib import Path

import pytest

from nova_timeline.cli import DONE, WRONG, main

Printed = pytest.CaptureFixture[str]


def run(*arguments: object) -> int:
    return main([str(a) for a in arguments])


@pytest.mark.parametrize(
    "query",
    [
        "select entity, count(*) from events group by all order by 2 desc",
        "select * from events limit 2",
        'select raw, "evidence.sha256" from evidence limit 1',
        "select date_trunc('minute', timestamp::timestamptz) from events limit 1",
        "select max(epoch_ns(timestamp)) from events",
        "select interval 3 day, 'infinity'::timestamp, 'nan'::double, null, [1], {'a': 1}",
        "select 1 as a, 2 as A, 3 as a_1",
        "select effect, cause from links",
        "select 1 where false",
    ],
)
def test_sql_prints_any_answer(query: str, bundled_run: Path, capsys: Printed) -> None:
    assert run("sql", bundled_run, query) == DONE
    assert " row" in capsys.readouterr().err
    assert run("sql", bundled_run, query, "--json") == DONE
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == len({*map(str, rows)}) or "links" in query


def test_sql_keeps_every_digit_and_writes_bytes_in_hex(bundled_run: Path, capsys: Printed) -> None:
    query = (
        "select timestamp, epoch_ns(timestamp) as ns, event_id from events "
        "where epoch_ns(timestamp) % 1000 > 0 limit 1"
    )
    assert run("sql", bundled_run, query, "--json") == DONE
    [row] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert row["timestamp"].endswith(f".{row['ns'] % 10**9:09d}".rstrip("0") + "+00")
    assert len(bytes.fromhex(row["event_id"])) == 16
    assert run("sql", bundled_run, "select 'nan'::double as n", "--json") == DONE
    assert capsys.readouterr().out == '{"n":null}\n'


FORBIDDEN = (
    "select * from read_csv('/etc/passwd')",
    "select * from read_text('{run}/timeline.json')",
    "select * from '{run}/events/part-00000.parquet'",
    "select * from glob('/*')",
    "copy (select 1) to '{here}/out.csv'",
    "copy (select 1) to '{run}/timeline.json'",
    "attach '{here}/x.db'",
    "attach '{run}/x.db'",
    "export database '{run}/all'",
    "install httpfs",
    "load httpfs",
    "set enable_external_access = true",
    "set temp_directory = '/tmp/x'",
    "select * from given",
)


@pytest.mark.parametrize("query", FORBIDDEN)
def test_sql_reaches_nothing_but_the_tables(query: str, own_run: Path, capsys: Printed) -> None:
    before = {p: p.read_bytes() for p in own_run.parent.rglob("*") if p.is_file()}
    text = query.format(run=own_run, here=own_run.parent)
    assert run("sql", own_run, text) == WRONG
    printed, said = capsys.readouterr()
    assert printed == ""
    assert "Error: " in said
    assert {p: p.read_bytes() for p in own_run.parent.rglob("*") if p.is_file()} == before


def test_sql_that_is_wrong_is_told_in_the_words_of_duckdb(small_run: Path, capsys: Printed) -> None:
    assert run("sql", small_run, "selec 1") == WRONG
    assert "Parser Error" in capsys.readouterr().err
    assert run("sql", small_run, "select * from event") == WRONG
    said = capsys.readouterr().err
    assert "Table with name event does not exist" in said
    assert "the tables are events, metrics, evidence" in said
    assert run("sql", small_run, "") == WRONG
    assert "only queries that give rows" in capsys.readouterr().err


def test_sql_reads_a_run_whose_name_is_a_pattern(own_run: Path, capsys: Printed) -> None:
    odd = own_run.rename(own_run.with_name("run [1] it's *"))
    assert run("sql", odd, "select count(*) as n from coverage") == DONE
    assert "n" in capsys.readouterr().out
