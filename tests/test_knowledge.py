"""The rule packs: each rule fires on its own sample, and classifying a table is what it says."""

import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pyarrow as pa
import pytest

from nova_timeline import arrow, coded, connector, knowledge, schema
from nova_timeline.connector import Batch, Gap
from nova_timeline.errors import KnowledgeError
from nova_timeline.knowledge import Case, Check, Rule

RULES = knowledge.rules()
DOMAINS = {
    "deploys",
    "configuration",
    "feature_flags",
    "scaling",
    "compute_os",
    "containers",
    "storage",
    "database",
    "network_dns",
    "certificates_identity",
    "queues",
    "cloud_health",
}
SYSTEMS = {
    "aws": {"aws_cloudtrail", "aws_cloudwatch_logs", "aws_cloudwatch_alarms"},
    "gcp": {"gcp_cloud_logging", "gcp_monitoring"},
    "azure": {"azure_activity_log", "azure_monitor_logs", "azure_alerts"},
    "linux": {"journald"},
    "windows": {"windows_event_log"},
}
# What happens -> the rule that knows it, by system, in the order of SYSTEMS.
CLASSES = {
    "deploy": "deploys.aws-service deploys.gcp-run deploys.azure-app deploys.linux-package"
    " deploys.windows-install",
    "config change": "configuration.aws-parameter configuration.gcp-metadata"
    " configuration.azure-app configuration.linux-reload configuration.windows-service-start-type",
    "scaling": "scaling.aws scaling.gcp scaling.azure scaling.linux-processors scaling.log",
    "alert firing": "cloud_health.alert-firing cloud_health.alert-firing cloud_health.alert-firing"
    " cloud_health.monitor-firing cloud_health.windows-alert-firing",
    "alert resolving": "cloud_health.alert-resolved cloud_health.alert-resolved"
    " cloud_health.alert-resolved cloud_health.monitor-resolved cloud_health.alert-resolved",
    "crash": "compute_os.function-crash containers.crash-loop unspecific.fatal"
    " compute_os.linux-crash compute_os.windows-service-crash",
    "OOM kill": "containers.oom containers.oom containers.oom compute_os.linux-oom"
    " compute_os.windows-memory",
    "restart": "compute_os.aws-instance compute_os.gcp-instance compute_os.azure-restart"
    " compute_os.linux-restart-scheduled compute_os.windows-app-pool-recycled",
    "disk full": "storage.disk-full containers.disk-pressure storage.disk-full storage.disk-full"
    " storage.windows-disk-full",
    "certificate expiry": "certificates_identity.expired certificates_identity.expired"
    " certificates_identity.expired certificates_identity.expired"
    " certificates_identity.windows-certificate",
    "throttling": "cloud_health.aws-throttled cloud_health.throttled cloud_health.throttled"
    " network_dns.linux-traffic-limited cloud_health.throttled",
    "failover": "database.aws-failover database.gcp-failover database.azure-failover"
    " database.failover database.windows-failover",
    "reboot": "compute_os.aws-instance containers.node-rebooted compute_os.azure-restart"
    " compute_os.linux-reboot compute_os.windows-reboot",
    "clock change": "compute_os.clock compute_os.clock compute_os.clock compute_os.linux-clock"
    " compute_os.windows-clock",
    "lost log": "cloud_health.aws-watch-off cloud_health.gcp-watch-off cloud_health.azure-watch-off"
    " compute_os.linux-journal-lost compute_os.windows-log-cleared",
}
ROLES = {
    "deploy": {"change"},
    "config change": {"change"},
    "scaling": {"change"},
    "alert firing": {"alert_firing"},
    "alert resolving": {"alert_resolved"},
    "lost log": {"gap"},
}
PACK = """
[[rule]]
id = "storage.full"
kind = "health"
role = "fault"
title = "{entity} is full"
[[rule.when]]
body = { contains = ["no space left"] }
[rule.sample]
use = "journald"
name = "x"
text = "x"
"""


@cache
def read(sample_of: str) -> pa.Table:
    """Read a rule's sample with its connector."""
    [sample] = [r.sample for r in RULES if r.id == sample_of]
    with TemporaryDirectory() as folder:
        path = Path(folder, sample.name)
        path.write_text(sample.text)
        reader = connector.load(sample.use)(dict(sample.options))
        items = [i for p in reader.partitions(sample.name, path) for i in reader.read(p)]
    assert not [i for i in items if isinstance(i, Gap)]
    tables = [i.table for i in items if isinstance(i, Batch) and i.name == "event"]
    return pa.concat_tables(tables)


@pytest.mark.parametrize("rule", RULES, ids=[r.id for r in RULES])
def test_fires_on_its_sample(rule: Rule) -> None:
    rows = plain(knowledge.classify(read(rule.id), rule.sample.use))
    fired = [row for row in rows if row["rule"] == rule.id]
    assert fired, [(row["rule"], row["event_name"], row["body"]) for row in rows]
    for row in fired:
        for key in ("kind", "role", "category"):
            assert getattr(rule, key) in (None, row[key])
        assert row["kind"] in schema.KINDS
        assert row["role"] in schema.ROLES
        assert row["title"]
        assert not re.search(r"\b(None|null)\b|[\x00-\x1f]|[{}]{2}", row["title"])
        assert len(row["title"]) <= 200


def test_there_are_twelve_domains_and_a_last_resort() -> None:
    assert {r.domain for r in RULES} == DOMAINS | {"unspecific"}
    assert len(RULES) >= 90
    assert list(dict.fromkeys(r.domain for r in RULES))[-1] == "unspecific"


@pytest.mark.parametrize("happening", CLASSES)
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_knows_what_happens(happening: str, system: str) -> None:
    known = {r.id: r for r in RULES}
    rule = known[CLASSES[happening].split()[list(SYSTEMS).index(system)]]
    assert any(not c.sources or SYSTEMS[system] & set(c.sources) for c in rule.when)
    assert rule.role in ROLES.get(happening, {"change", "fault", "notice"})


def test_sources_are_connectors() -> None:
    named = {s for r in RULES for c in r.when for s in c.sources} | {r.sample.use for r in RULES}
    assert named <= set(connector.available())


def plain(table: pa.Table) -> list[dict[str, Any]]:
    """Turn a table into rows; times as integers, attributes as a dict."""
    for i, name in enumerate(table.schema.names):
        if pa.types.is_timestamp(table[name].type):
            table = table.set_column(i, name, table[name].cast(pa.int64()))
    return [r | {"attributes": dict(r["attributes"] or ())} for r in table.to_pylist()]


def value(row: dict[str, Any], column: str) -> Any:
    name = column.removeprefix("attributes.")
    return row[column] if name == column else row["attributes"].get(name)


def holds(row: dict[str, Any], check: Check) -> bool:
    """Ask one check of one row, the plain way."""
    given = value(row, check.column)
    text = None if given is None else str(given).lower()
    if check.present is not None and check.present != (given is not None):
        return False
    if text is not None and any(w in text for w in check.without):
        return False
    asked: list[Callable[[str], bool]] = [
        lambda t: not check.equals or t in check.equals,
        lambda t: not check.contains or any(w in t for w in check.contains),
        lambda t: not check.prefix or t.startswith(check.prefix),
        lambda t: not check.suffix or t.endswith(check.suffix),
        lambda _: check.regex is None or re.search(check.regex, str(given)) is not None,
        lambda t: check.min is None or float(t) >= check.min,
        lambda t: check.max is None or float(t) <= check.max,
    ]
    needs = (check.equals, check.contains, check.prefix, check.suffix, check.regex)
    if text is None:
        return not any(needs) and check.min is None and check.max is None
    return all(ask(text) for ask in asked)


def fits(row: dict[str, Any], case: Case, source: str) -> bool:
    names = {check.column for check in case.checks}
    searched = "event_name" not in names and "kind" not in names
    return (
        (not case.sources or source in case.sources)
        and (not searched or row["kind"] == "log")
        and all(holds(row, check) for check in case.checks)
    )


def one_by_one(table: pa.Table, source: str) -> Iterator[str | None]:
    """Name the first rule that fits each row, a row at a time."""
    for row in plain(table):
        yield next((r.id for r in RULES if any(fits(row, c, source) for c in r.when)), None)


@pytest.mark.parametrize("use", sorted({r.sample.use for r in RULES}))
def test_agrees_with_asking_every_row_every_rule(use: str) -> None:
    """Rows are the samples of all connectors, shuffled, some of their values lost or swapped."""
    random.seed(use)
    whole = pa.concat_tables(read(rule.id) for rule in RULES)
    order = random.choices(range(len(whole)), k=300)
    table = whole.take(order)
    for name in ("body", "event_name", "role", "severity_number", "kind"):
        given = table[name].to_pylist()
        for i in random.sample(range(len(given)), 30):
            given[i] = random.choice([*given, None]) if name != "kind" else random.choice(given)
        values = arrow.core().array(given, table[name].type)
        table = table.set_column(table.schema.get_field_index(name), name, values)
    pieces = pa.concat_tables([table.slice(0, 50), table.slice(50, 1), table.slice(51)])
    made = coded.written_out(knowledge.classify(pieces, use))
    assert made.schema == table.schema
    assert made["rule"].to_pylist() == list(one_by_one(table, use))
    assert not [t for t in made["title"].to_pylist() if t and re.search(r"\b(None|null)\b", t)]
    untouched = [i for i, rule in enumerate(made["rule"].to_pylist()) if rule is None]
    assert made.take(untouched).equals(table.take(untouched))


def events(**columns: Any) -> pa.Table:
    lists = {k: cast("list[object]", v) for k, v in columns.items() if isinstance(v, list)}
    made = columns | {k: arrow.core().array(v) for k, v in lists.items()}
    return schema.conform("event", {"kind": "log"} | made, len(next(iter(lists.values()))))


def test_a_quiet_night_stays_quiet() -> None:
    bodies = [
        "GET /healthz 200 in 2 ms",
        "retrying, attempt 1 of 5: connection refused",
        "connection pool size 20, timeout 30 s",
        "rate limit is 1000/s",
        "certificate valid until 2027-01-01",
        "checked 12 queues, queue size 14",
        "deployment window opens at 22:00",
        "error budget 99.2 %",
        "OOM score adjusted to 500",
        "slow query log enabled",
        "user asked about failover, ticket closed",
        "cache miss ratio 0.03",
    ]
    made = knowledge.classify(events(body=bodies, severity_number=9, entity="checkout"), "jsonl")
    assert made["rule"].null_count == len(bodies)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("The storage volume for DB instance shop-db is experiencing degraded performance",
         "database.host-lost"),
        ("DB instance shop-db is affected by an underlying hardware issue", "database.host-lost"),
        ("Checkpoints are occurring frequently on DB instance shop-db", "database.checkpoints"),
        ("session 4211 idle in transaction for 1900 s holds locks",
         "database.transaction-left-open"),
        ("required environment variable DATABASE_HOST is not set", "configuration.invalid"),
        ("missing env var REGION", "configuration.invalid"),
        ("failed to process record offset=88 partition=4: JSONDecodeError: Expecting value",
         "queues.bad-data"),
        ('FATAL: PAM authentication failed for user "app"', "certificates_identity.denied"),
        ('FATAL: no pg_hba.conf entry for host "10.0.1.1", user "app"',
         "certificates_identity.denied"),
        ("dial tcp: lookup db.svc on 172.20.0.10:53: read udp 10.0.1.1:4->172.20.0.10:53:"
         " i/o timeout", "network_dns.dns"),
        ('Found one Java-level deadlock: "pay-1" waiting to lock Ledger@1', "compute_os.stuck"),
        ("deadlock detected between worker-3 (OrderLock) and worker-9 (StockLock)",
         "compute_os.stuck"),
        ("consumer orders-3 has made no progress for 900 s", "compute_os.stuck"),
        ("fatal error: all goroutines are asleep - deadlock!", "compute_os.stuck"),
        ("ERROR: deadlock detected. Process 71 waits for ShareLock on transaction 9",
         "database.deadlock"),
        ("event loop blocked for 9204 ms in validate", "compute_os.stuck"),
        ("semaphore acquire waited 900s: 0 of 8 permits", "compute_os.stuck"),
        ("The DB instance is in state inaccessible-encryption-credentials-recoverable",
         "database.incompatible"),
        ("A Multi-AZ failover has started", "database.failover"),
        ("the primary host in us-east-1b is unreachable", "database.host-lost"),
        ("network-policy-agent: verdict=DENY src=10.0.1.8 dst=10.0.2.7:5432 policy=baseline",
         "network_dns.policy-denied"),
        ("src=10.0.1.7 dst=10.0.9.4:6379 proto=TCP action=REJECT", "network_dns.policy-denied"),
        ("connection to 10.0.2.7:5432 rejected by firewall rule 1180",
         "network_dns.policy-denied"),
        ("error when evicting pods: Cannot evict pod as it would violate the pod's disruption"
         " budget.", "containers.drain-refused"),
        ("NotEnoughReplicasException: fewer in-sync replicas than required", "queues.replicas"),
        ("memory resource limit alarm set on node mq-1", "queues.broker"),
        ("tick rejected: EUR/TRY 3.4 deviates, last 34.1, change over 50%",
         "queues.implausible-data"),
        ("price rejected: 0.04 is an outlier", "queues.implausible-data"),
        ("the standby of instance orders in zone c is impaired", "database.host-lost"),
        ("writes are delayed by a fault of its host", "database.host-lost"),
        ("contact with the underlying host of shop-db was lost", "database.host-lost"),
        ("thread 'main' panicked at 'attempt to add with overflow'", "unspecific.arithmetic"),
        ("System.DivideByZeroException: Attempted to divide by zero.", "unspecific.arithmetic"),
        ("NonUniqueResultException: 2 results were returned", "queues.not-unique"),
        ("feed 0311: 120 duplicate sku with different price", "queues.not-unique"),
        ("the engine of shop-db was terminated by the operating system: out of memory",
         "compute_os.linux-oom"),
        ("the server was restarted as it was running low on memory", "compute_os.linux-oom"),
        ("cannot contact any KDC for realm SHOP.EXAMPLE", "certificates_identity.directory-away"),
        ("the domain controllers do not answer", "certificates_identity.directory-away"),
        ("ena 0000:00:05.0 eth1: Keep alive watchdog timeout.", "compute_os.linux-hardware"),
        ("e1000e 0000:00:1f.6 eno1: Detected Hardware Unit Hang:", "compute_os.linux-hardware"),
        ("nvme nvme0: controller is down; will reset: CSTS=0xffffffff",
         "compute_os.linux-hardware"),
        ("tg3 0000:02:00.0 eth0: transmit timed out, resetting", "compute_os.linux-hardware"),
        ("recovery still waiting after 61023.1 ms: recovery conflict on lock",
         "database.replay-waits"),
    ],
)  # fmt: skip
def test_what_is_said_in_other_words_is_the_same(body: str, rule: str) -> None:
    made = knowledge.classify(events(body=[body], severity_number=17, entity="shop"), "jsonl")
    assert made["rule"].to_pylist() == [rule]


@pytest.mark.parametrize(
    "body",
    [
        "networkpolicy shop/baseline created by gitops",
        "networkpolicy.networking.k8s.io/baseline configured",
        "security group sg-0aa1 was updated: ingress 5432 from sg-0bb2 revoked",
        "terraform: removed firewall rule allow-orders-db",
    ],
)
def test_a_rule_for_who_may_connect_is_a_change(body: str) -> None:
    made = knowledge.classify(events(body=[body], severity_number=9, entity="shop"), "jsonl")
    assert made["rule"].to_pylist() == ["network_dns.rule-changed"]
    assert made["role"].to_pylist() == ["change"]


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("cart synced: ConfigMap cart-env POOL_SIZE 20 -> 5", "configuration.synced"),
        ("release cart upgraded, applied values.yaml: http.idleTimeout 60s -> 5s",
         "configuration.synced"),
        ("would be applied: ConfigMap cart-env POOL_SIZE 20 -> 5", None),
        ("Dynamic parameter work_mem changed from 4096 to 64.", "database.parameter"),
        ("a dynamic parameter of the query was missing", None),
        ("stores.csv of Acme loaded: 188 rows, 188 changed", "configuration.data-loaded"),
        ("imported prices.parquet, 40,112 rows", "configuration.data-loaded"),
        ("stores.csv of Acme loaded: 188 rows, 0 changed", None),
        ("prices.csv is late", None),
    ],
)  # fmt: skip
def test_what_was_set_or_loaded_is_a_change(body: str, rule: str | None) -> None:
    made = knowledge.classify(events(body=[body], severity_number=9, entity="shop"), "jsonl")
    assert made["rule"].to_pylist() == [rule]
    assert made["role"].to_pylist() == ["change" if rule else None]


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("deployment replicas changed 12 -> 2", "scaling.log"),
        ("desired capacity of asg-web: 4 => 9", "scaling.log"),
        ("replica count of router set from 3 to 5", "scaling.log"),
        ("3 of 5 desired replicas are ready", None),
        ("instances changed their mind", None),
    ],
)
def test_how_many_there_shall_be_is_scaled(body: str, rule: str | None) -> None:
    made = knowledge.classify(events(body=[body], severity_number=9, entity="shop"), "jsonl")
    assert made["rule"].to_pylist() == [rule]


@pytest.mark.parametrize(
    "body",
    [
        "event loop blocked for 120 ms",
        "firewall: DROP IN=eth0 SRC=45.155.205.7 DST=10.0.1.7 DPT=23",
        "src=185.220.101.4 dst=10.0.1.7:22 proto=TCP action=REJECT",
        "worker node ip-10-0-1-7 is stuck in NotReady",
        "consumer orders-1 is stuck in rebalancing",
        "worker started, deadlock detector enabled",
        "sanity check passed, deviation 0.2 %",
        "standby is ready, previous primary was demoted",
        "Recovery of the DB instance has started.",
        "cannot create directory /var/lib/shop: file exists",
        "more than one worker is configured",
    ],
)
def test_what_is_held_up_for_a_moment_or_turned_away_from_outside_is_no_fault(body: str) -> None:
    made = knowledge.classify(events(body=[body], severity_number=13, entity="shop"), "jsonl")
    assert made["rule"].to_pylist()[0] not in (
        "compute_os.stuck", "network_dns.policy-denied", "queues.implausible-data",
        "database.host-lost", "certificates_identity.directory-away", "queues.not-unique",
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        "networkpolicy shop/baseline unchanged",
        "failed to create networkpolicy shop/baseline",
        "12 network policies loaded",
        "policy-verdict: action allow src 10.0.0.1, network policy applied",
        "connection created, security group check passed",
        "could not install new server certificate",
        "client certificate was updated in 3 ms",
    ],
)
def test_what_only_speaks_of_such_a_change_is_none(body: str) -> None:
    made = knowledge.classify(events(body=[body], severity_number=9, entity="shop"), "jsonl")
    assert made["role"].to_pylist() == [None]


def test_a_refused_call_changes_nothing() -> None:
    table = events(event_name=["ecs:UpdateService", "iam:DetachRolePolicy"], kind="operator_action")
    made = knowledge.classify(table, "aws_cloudtrail")
    assert made["role"].to_pylist() == [None, None]


def test_words_in_the_parameters_of_a_call_are_no_message() -> None:
    table = events(body=["ssm:PutParameter kernel panic - not syncing"], kind="operator_action")
    assert knowledge.classify(table, "aws_cloudtrail")["rule"].to_pylist() == [None]


def test_severity_is_raised_and_never_lowered() -> None:
    rules = knowledge.read({"storage": PACK.replace('kind = "health"', "severity = 17")})
    table = events(
        body=["no space left", "NO SPACE LEFT", "no space left"],
        severity_number=pa.array([9, 21, None], pa.int8()),
    )
    made = knowledge.classify_by(rules, table, "journald")
    assert made["severity_number"].to_pylist() == [17, 21, 17]
    assert made["kind"].to_pylist() == ["log"] * 3


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("{entity} is full", ["web-1 is full", "(unknown) is full"]),
        (
            "{entity}[, {attributes.path}]: {body}",
            ["web-1, /var: no space left", "(unknown): no space left"],
        ),
        ("{entity}[ by {attributes.nobody}]", ["web-1", "(unknown)"]),
        ("{entity}[ in {service.name}]!", ["web-1!", "(unknown)!"]),
    ],
)
def test_a_title_leaves_out_what_is_missing(title: str, wanted: list[str]) -> None:
    rules = knowledge.read({"storage": PACK.replace("{entity} is full", title)})
    table = events(
        body=["no \t\nspace\x1b left"] * 2,
        entity=["web-1", None],
        **{"service.name": ["null", ""]},
        attributes=schema.attributes(2, {"path": pa.array(["/var", "None"])}),
    )
    rules = tuple(
        Rule(**{f: getattr(r, f) for f in Rule.__slots__ if f != "when"}, when=when)
        for r in rules
        for when in [(Case((), (Check("body", contains=("no \t\nspace",)),)),)]
    )
    made = knowledge.classify_by(rules, table, "journald")
    assert made["title"].to_pylist() == wanted


def test_a_title_has_an_end() -> None:
    rules = knowledge.read({"storage": PACK.replace("{entity} is full", "{entity}: {body} {body}")})
    table = events(body=["no space left " + "x" * 9000], entity="web-1")
    [title] = knowledge.classify_by(rules, table, "journald")["title"].to_pylist()
    assert len(str(title)) == 200


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('kind = "health"', 'kind = "helth"', "no kind 'helth'; did you mean 'health'?"),
        ('kind = "health"', 'kind = "log"', "no kind 'log'"),
        ('role = "fault"', 'role = "fualt"', "did you mean 'fault'?"),
        ('role = "fault"', 'category = "databse"', "no category 'databse'"),
        ('role = "fault"', 'rolle = "fault"', "no key 'rolle'; did you mean 'role'?"),
        ("body =", "boddy =", "no column 'boddy'; did you mean 'body'?"),
        ("contains =", "contain =", "no test 'contain'; did you mean 'contains'?"),
        ('contains = ["no space left"]', 'regex = "x"', "a regex needs contains beside it"),
        ('"no space left"', '"full"', "at least 7 letters"),
        ("body = {", "entity = {", "needs event_name, or body with contains"),
        ("{entity} is full", "{attributes.path} is full", "put it and its words in [ ]"),
        ("{entity} is full", "{entitty} is full", "did you mean 'entity'?"),
        ('"storage.full"', '"disk.full"', "begins with the name of its file, here 'storage.'"),
        ('title = "{entity} is full"', "severity = 99", "1 to 24, not 99"),
        ('text = "x"', "", "sample has no text"),
        ("[[rule]]", "[[rules]]", "no key 'rules'; did you mean 'rule'?"),
        ("[[rule]]", "[[rule", "storage.toml is not TOML"),
        (
            '["no space left"] }',
            '["no space left"], regex = "(no" }',
            "the regex '(no' cannot be read",
        ),
        ('["no space left"] }', '["no space left"], regex = "(?!x)" }', "cannot look around"),
        ("body = { contains = [", "severity_number = 13\nbody = { contains = [", "must be a text"),
    ],
)
def test_says_what_is_wrong_with_a_pack(old: str, new: str, says: str) -> None:
    with pytest.raises(KnowledgeError, match=re.escape(says)) as raised:
        knowledge.read({"storage": PACK.replace(old, new)})
    assert str(raised.value).startswith("storage.toml")


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(KnowledgeError, match=r"storage.toml: there are two rules called 'storage"):
        knowledge.read({"storage": PACK * 2})
