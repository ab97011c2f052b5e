"""The bundled incidents are what their builder writes, and say what their truth says they say."""

import gzip
import json
import subprocess
import tomllib
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fixtures import scenario_outage, scenario_quiet
from fixtures.build import STORIES, build
from fixtures.scenario import Scenario, at, iso
from nova_timeline import connector
from nova_timeline.config import Incident
from nova_timeline.connector import Batch

FIXTURES = Path(__file__).parents[1] / "fixtures"
OUTAGE = FIXTURES / "checkout-outage"
MOMENTS = ("onset", "detected", "acknowledged", "mitigated", "recovered")
every_story = pytest.mark.parametrize("name", sorted(STORIES))


@pytest.fixture(scope="module")
def outage() -> Scenario:
    return scenario_outage.scenario()


def files(folder: Path) -> dict[str, bytes]:
    found = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


def unpacked(name: str, data: bytes) -> bytes:
    """Unpack gzip, which not every zlib packs alike; a file cut off is compared by its header."""
    try:
        return gzip.decompress(data) if name.endswith(".gz") else data
    except EOFError:
        return data[:10]


def loaded(path: str) -> Any:
    data = (OUTAGE / path).read_bytes()
    return json.loads(gzip.decompress(data) if path.endswith(".gz") else data)


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@every_story
def test_building_again_gives_the_committed_bytes(name: str, tmp_path: Path) -> None:
    made = files(build(tmp_path, name))
    kept = {k: v for k, v in files(FIXTURES / name).items() if not k.endswith(".journal")}
    assert sorted(made) == sorted(kept)
    assert [k for k in kept if unpacked(k, made[k]) != unpacked(k, kept[k])] == []


@every_story
def test_journals_built_again_hold_the_same_entries(name: str, tmp_path: Path) -> None:
    made = build(tmp_path, name, journals=True)
    kept = sorted(p.relative_to(FIXTURES / name) for p in (FIXTURES / name).rglob("*.journal"))
    assert len(kept) == 4
    for journal in kept:
        assert entries(made / journal) == entries(FIXTURES / name / journal)


def entries(journal: Path) -> list[bytes]:
    """Read a journal with systemd's own tool, without what names the file and not the entry."""
    command = ["journalctl", f"--file={journal}", "--output=export", "--no-pager"]
    export = subprocess.run(command, capture_output=True, check=True).stdout
    drawn = (b"__CURSOR=", b"__SEQNUM", b"__MONOTONIC")
    return [line for line in export.split(b"\n") if not line.startswith(drawn)]


def test_the_folder_stays_small() -> None:
    sizes = {k: len(v) for k, v in files(OUTAGE).items()}
    assert sum(sizes.values()) < 3_300_000
    assert max(sizes.values()) < 1_000_000


@every_story
def test_incident_files_name_files_that_are_there(name: str) -> None:
    incident = tomllib.loads((FIXTURES / name / "incident.toml").read_text())
    for source in incident["source"]:
        assert list((FIXTURES / name).glob(source["path"])), source
    assert incident["incident"]["start"] < incident["incident"]["end"]


@every_story
def test_every_source_reads_what_the_story_wrote(name: str) -> None:
    incident = Incident.load(FIXTURES / name / "incident.toml")
    told = STORIES[name]()
    count = Counter(x.source.partition("/")[0] for x in told.lines)
    series: Counter[str] = Counter()
    for one in told.series:
        series[one.system] += len(one.points)
    audits = sum(c.system == "gcp_audit" for c in told.calls)
    assert rows_of(incident, "journald") == count["journal"]
    assert rows_of(incident, "windows_event_log") == len(told.windows)
    assert rows_of(incident, "gcp_cloud_logging") == count["run"] + audits
    assert rows_of(incident, "azure_monitor_logs") == count["postgres"]
    assert rows_of(incident, "azure_activity_log") == sum(
        c.system == "azure_activity" for c in told.calls
    )
    assert rows_of(incident, "changes") == len(told.deploys + told.commits + told.flags)
    assert rows_of(incident, "azure_monitor_metrics") == series["azure"]
    assert rows_of(incident, "aws_cloudwatch_metrics") == series["cloudwatch"]
    duplicates = told_flaws(name)["duplicates"]
    assert rows_of(incident, "aws_cloudwatch_logs") == (
        count["ecs"] + duplicates["aws_cloudwatch_logs"]
    )


def rows_of(incident: Incident, use: str) -> int:
    """Count the rows that a connector makes of its sources, duplicates included."""
    total = 0
    for source in (s for s in incident.sources if s.use == use):
        reader = connector.load(use)(source.options)
        for uri, path in reader.files(incident.base, source.path).found:
            for partition in reader.partitions(uri, path):
                for item in reader.read(partition):
                    total += item.table.num_rows if isinstance(item, Batch) else 0
    return total


def told_flaws(name: str) -> Any:
    return json.loads((FIXTURES / name / "truth.json").read_text())


def test_the_topology_names_every_entity_of_the_cascade() -> None:
    topology = tomllib.loads((OUTAGE / "topology.toml").read_text())
    names = {e["name"] for e in topology["entity"]}
    truth = loaded("truth.json")
    assert set(truth["cascade"]["entities"]) <= names
    edges = {(e["caller"], e["callee"]) for e in topology["edge"]}
    assert {n for edge in edges for n in edge} <= names
    assert {(a, b) for a, b in truth["links"]} <= edges


def test_the_moments_lie_in_the_window_and_in_order() -> None:
    truth = loaded("truth.json")
    incident = tomllib.loads((OUTAGE / "incident.toml").read_text())["incident"]
    times = [seconds(truth["root_cause"]["time"])] + [seconds(truth[m]["time"]) for m in MOMENTS]
    assert times == sorted(times)
    assert incident["start"].timestamp() < times[0]
    assert times[-1] < incident["end"].timestamp()


def test_the_quiet_night_has_neither_alert_nor_fault() -> None:
    quiet = scenario_quiet.scenario()
    assert quiet.truth["incident"] is False
    assert quiet.alerts == ()
    assert not [x for x in quiet.lines if "max_client_conn" in x.body or " 502 " in x.body]
    assert not [e for e in quiet.windows if e.level < 3]


def test_the_guilty_change_is_recorded_with_its_value() -> None:
    truth = loaded("truth.json")["root_cause"]
    [write] = [e for e in loaded("azure/activity-log.json") if e["eventDataId"] == truth["also"][0]]
    assert write["eventTimestamp"] == "2026-03-03T14:05:12.4451219Z"
    assert json.loads(write["properties"]["requestbody"])["properties"]["value"] == "100"
    [commit] = [c for c in loaded("changes/commits.json") if c["sha"] == truth["change_id"]]
    assert '+value = "100"  # pgbouncer.max_client_conn' in commit["diff"]
    assert truth["change_id"] not in loaded("truth.json")["decoys"]


def test_an_innocent_deploy_is_nearer_to_the_onset() -> None:
    truth = loaded("truth.json")
    [banner] = [d for d in loaded("changes/deploys.json") if d["version"] == "4.12.0"]
    assert banner["commit_sha"] in truth["decoys"]
    cause, onset = seconds(truth["root_cause"]["time"]), seconds(truth["onset"]["time"])
    assert cause < seconds(banner["timestamp"]) < onset


def test_nobody_is_refused_before_the_onset_or_after_the_limit_is_back(outage: Scenario) -> None:
    refused = [x.time for x in outage.lines if "pooler error" in x.body]
    assert iso(min(refused), 7) == "2026-03-03T14:11:40.1180400Z"
    assert max(refused) < outage.story.healed
    assert len(refused) > 300


def test_rolling_the_innocent_deploy_back_changed_nothing(outage: Scenario) -> None:
    def share(start: str, end: str) -> float:
        first, last = at("2026-03-03", start), at("2026-03-03", end)
        said = [x for x in outage.of("ecs/checkout") if first <= x.time < last]
        return sum(x.level == "ERROR" for x in said) / len(said)

    assert share("14:33:00", "14:46:00") > 0.8 * share("14:16:00", "14:31:00")
    assert share("14:52:00", "15:05:00") < 0.05


def test_detection_is_not_on_the_entity_that_failed(outage: Scenario) -> None:
    first = min(outage.alerts, key=lambda a: a.fired)
    truth = loaded("truth.json")
    assert iso(first.fired) == truth["detected"]["time"]
    assert first.entity == truth["detected"]["entity"] != truth["root_cause"]["entity"]
    assert len(outage.alerts) >= 6
    assert len({a.system for a in outage.alerts}) == 3


def test_the_skew_can_be_seen_in_the_traces(outage: Scenario) -> None:
    """A parent on a host that runs ahead begins after its child, which cannot be."""
    starts: dict[str, int] = {}
    hosts: dict[str, str] = {}
    parents: dict[str, str] = {}
    for line in (OUTAGE / "traces.jsonl").read_text().splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            about = {
                a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]
            }
            for span in resource["scopeSpans"][0]["spans"]:
                starts[span["spanId"]] = int(span["startTimeUnixNano"])
                hosts[span["spanId"]] = about.get("host.name", "")
                parents[span["spanId"]] = span.get("parentSpanId", "")
    early = {
        host: [
            starts[s] - starts[p]
            for s, p in parents.items()
            if p and hosts[p] == host and not hosts[s]
        ]
        for host in ("web-1", "web-2", "win-app-1", "win-app-2")
    }
    assert all(d > 0 for host in ("web-1", "win-app-1", "win-app-2") for d in early[host])
    assert all(-3_200_000_000 < d < -3_000_000_000 for d in early["web-2"])
    assert min(early["win-app-1"]) > 2_500_000_000
    assert outage.story.skew["win-app-1"] == -2_500_000_000


def test_the_flaws_are_those_the_truth_lists() -> None:
    truth = loaded("truth.json")
    cut = [OUTAGE / f for f in truth["files_damaged"]]
    assert [p.suffix for p in cut] == [".json", ".gz"]
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut[0].read_text())
    with pytest.raises(EOFError):
        gzip.decompress(cut[1].read_bytes())
    exports = [loaded(f"aws/logs-checkout-{n}") for n in ("1.json.gz", "2.json")]
    ids = [{e["eventId"] for e in export["events"]} for export in exports]
    assert len(ids[0] & ids[1]) == truth["duplicates"]["aws_cloudwatch_logs"] > 20
    seen: list[str] = []
    for path in sorted((OUTAGE / "aws/cloudtrail").glob("*.json.gz")):
        if path not in cut:
            records = json.loads(gzip.decompress(path.read_bytes()))["Records"]
            seen += [r["eventID"] for r in records]
    assert len(seen) - len(set(seen)) == truth["duplicates"]["aws_cloudtrail"]
    rows = loaded("azure/orders-db-logs.json")["tables"][0]["rows"]
    undated = [r for r in rows if r[0] is None] + [
        d for d in loaded("changes/deploys.json") if not d["timestamp"]
    ]
    assert len(undated) == truth["undated"]


def test_every_pair_in_order_names_records_that_are_there(outage: Scenario) -> None:
    from fixtures.scenario import native_id

    times = {native_id(x): x.time for x in outage.lines} | {c.id: c.time for c in outage.calls}
    for before, after in outage.truth["order"]:
        assert times[before["record"]] < times[after["record"]]
