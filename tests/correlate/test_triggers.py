"""What comes from outside is told by evidence of its own, and is no excuse where there is none."""

from dataclasses import replace
from typing import Any

import pytest

from nova_timeline import knowledge
from nova_timeline.correlate import (
    blamed,
    change_points,
    hazards,
    hosts,
    judgements,
    merged,
    ranking,
    surges,
    triggers,
)
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.departures import Departure
from nova_timeline.correlate.failures import Line
from nova_timeline.correlate.scene import Scene
from nova_timeline.correlate.symptoms import Symptom
from nova_timeline.knowledge import Trigger, plain

from .changes import feared, record
from .scenes import at, calls, signal

ONSET = 40
SHAPE = calls("web>shop", "shop>db")
every_trigger = pytest.mark.parametrize("trigger", knowledge.triggers(), ids=lambda t: t.id)


def scene(*faults: dict[str, Any], changes: tuple[Any, ...] = (), **over: Any) -> Scene:
    """Let faults, each with what it says, happen on shop; web felt them."""
    made = [
        signal(90 + i, ONSET + i / 10, "shop", "fault") | {"count": 20} | f
        for i, f in enumerate(faults)
    ]
    names = tuple(dict.fromkeys(str(s["entity"]) for s in made))
    cascade = Cascade("shop", names, tuple(made), {n: i for i, n in enumerate(names)})
    texts = {c["signal"]: c["title"] for c, _ in changes}
    texts |= {s["signal"]: s.get("text", s["title"]) for s in made}
    held = {c["signal"]: attributes for c, attributes in changes}
    return Scene(
        cascade,
        at(ONSET),
        SHAPE,
        texts,
        [c for c, _ in changes],
        (),
        attributes=held,
        troubled=made,
        **over,
    )


def ids(found: Scene) -> set[str]:
    return {c.category or "" for c in triggers.found(found)}


@every_trigger
def test_its_sample_shows_it(trigger: Trigger) -> None:
    text = plain(trigger.sample["fault"])
    assert trigger.symptom.search(text)
    assert trigger.never is None or not trigger.never.search(text)


OUTSIDE = {"title": "POST https://api.payments.example.com/v1/charge returned 503"}


def test_errors_of_a_host_outside_are_the_provider_s() -> None:
    [found] = triggers.found(scene(OUTSIDE))
    assert found.category == "external_provider"
    assert found.score >= triggers.STRONG
    assert "api.payments.example.com" in found.terms[0].text


@pytest.mark.parametrize(
    "title",
    [
        "POST https://db.shop.svc.local/query returned 503",
        "POST http://db:8080/query returned 503",
        "POST https://api.payments.example.com/v1/charge returned 401",
        "POST https://api.payments.example.com/v1/charge returned 404",
        "3 node(s) had untolerated taint {node.kubernetes.io/unreachable: }",
    ],
)
def test_errors_of_our_own_or_of_what_we_sent_are_not(title: str) -> None:
    assert "external_provider" not in ids(scene({"title": title}))


def test_a_company_s_name_in_that_of_a_class_is_no_certificate() -> None:
    code = {"title": "com.acme.bff.AddressDto: value failed for JSON property postcode"}
    assert "certificate" not in ids(scene(code))
    order = {"title": "acme: order is invalid: urn:ietf:params:acme:error:unauthorized"}
    assert "certificate" in ids(scene(order))


def test_what_few_of_the_errors_show_is_not_what_failed() -> None:
    mostly = {"title": "deadlock detected in shop", "count": 400}
    assert "external_provider" not in ids(scene(OUTSIDE, mostly))


@pytest.mark.parametrize(
    ("rule", "believed"), [("database.down-for-maintenance", True), (None, False)]
)
def test_one_record_known_to_tell_of_maintenance_is_enough(
    rule: str | None,
    believed: bool,
) -> None:
    said = {
        "entity": "db-events", "title": "offline maintenance is taking place", "count": 1,
        "category": "infrastructure_change", "rule": rule,
    }  # fmt: skip
    felt = {"title": "could not connect to the database", "count": 400}
    assert ("infrastructure_change" in ids(scene(said, felt))) is believed


@pytest.mark.parametrize(
    "said",
    [
        "BBU disabled; changing WB virtual disks to WT",
        "The PERC battery on controller 0 is low",
        "Smart Array P440: Cache Status: Temporarily Disabled",
        "write policy of VD 2 went from Write Back to Write Through",
    ],
)
def test_a_disk_that_lost_the_battery_of_its_cache_fails(said: str) -> None:
    assert "hardware" in ids(scene({"title": f"kernel: {said}"}))


@pytest.mark.parametrize(("named", "believed"), [("cart-redis-001", True), ("spool-7", False)])
def test_one_record_of_a_failed_machine_is_enough_where_it_names_what_failed(
    named: str,
    *,
    believed: bool,
) -> None:
    said = {
        "entity": "cache-events", "count": 1, "category": "hardware", "rule": "database.host-lost",
        "title": f"Node {named} became unreachable, underlying host failure",
    }  # fmt: skip
    felt = {"title": "redis: GET cart:1: i/o timeout", "count": 400}
    assert ("hardware" in ids(scene(said, felt))) is believed


@pytest.mark.parametrize(
    "told", ["notAfter={}", "or is not yet valid: current time 2026-03-03T14:10:02Z is after {}"]
)
def test_a_certificate_that_ran_out_as_it_began_is_believed(told: str) -> None:
    ends = "2026-03-03T14:10:00Z"
    fault = {
        "title": "x509: certificate has expired",
        "text": f"x509: certificate has expired {told.format(ends)}",
    }
    [found] = triggers.found(scene(fault))
    assert found.category == "certificate"
    assert found.score > triggers.STRONG
    assert any(ends in t.text for t in found.terms)


def notice(minutes: float, says: str, rule: str) -> dict[str, Any]:
    return {
        "entity": "cloud", "title": f"cloud status: {says}", "time": at(ONSET + minutes),
        "rule": f"cloud_health.{rule}", "category": "external_provider", "severity": 13, "count": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("minutes", "says", "rule", "believed"),
    [
        (-0.5, "degraded: volumes are slow to write", "status-page", True),
        (-0.5, "degraded: rendering of maps", "status-page", False),
        (-15, "degraded: volumes are slow to write", "status-page", False),
        (-0.5, "version 3 of volumes is now the default", "provider-changed", True),
        (-15, "version 3 of volumes is now the default", "provider-changed", False),
    ],
)
def test_what_a_provider_tells_counts_if_it_is_of_that_time_and_of_this(
    minutes: float, says: str, rule: str, *, believed: bool
) -> None:
    slow = {"title": "commit to volume timed out"}
    found = triggers.found(scene(slow, notice(minutes, says, rule)))
    strong = [c for c in found if c.category == "external_provider" and c.score > triggers.STRONG]
    assert bool(strong) == believed


@pytest.mark.parametrize(
    ("since", "now", "is_change"), [(-0.5, 5, False), (-0.5, 4, True), (-15, 5, True)]
)
def test_a_change_that_hardly_explains_it_gives_way_to_a_provider_that_says_since_when(
    since: float, now: int, *, is_change: bool
) -> None:
    diff = f"-  commit_timeout_seconds = 9\n+  commit_timeout_seconds = {now}\n"
    near = record(0, ONSET - 7, "shop", "Deploy of shop: waits for volume", diff=diff)
    told = notice(since, "degraded: volumes are slow to write", "status-page")
    slow = {"title": "commit to volume timed out"}
    first, *_ = ranking.rank(scene(slow, told, changes=(near,)))
    assert first.is_change == is_change


def test_what_is_called_and_tells_that_it_changed_is_meant() -> None:
    changed = notice(-0.5, "version 3 of quotes is now the default", "provider-changed")
    slow = {"title": "commit timed out"}
    best = triggers.found(scene(slow, changed | {"entity": "db"}))[0]
    other = triggers.found(scene(slow, changed))[0]
    assert best.score > triggers.STRONG > other.score


def test_what_failed_before_all_else_is_the_likelier_cause() -> None:
    full = {"title": "no space left on device"}
    first, after = (triggers.found(scene(*f))[0] for f in ([full], [{"title": "slow"}, full]))
    assert "nothing failed before it" in [t.text for t in first.terms]
    assert "nothing failed before it" not in [t.text for t in after.terms]


@pytest.mark.parametrize(("minute", "is_change"), [(ONSET - 0.1, True), (ONSET - 9, False)])
def test_a_change_to_where_it_shows_just_before_gives_way_to_it_only_if_it_is_far_ahead(
    minute: float, *, is_change: bool
) -> None:
    loss = {"title": "packet loss on the uplink"}
    others = {"title": "window of the uplink full", "count": 20}
    text = "shop was deployed: window of the uplink"
    near = record(0, minute, "shop", text, diff="-a(b)\n+a(c)\n", files=["shop/a.go"])
    first, *_ = ranking.rank(scene(loss, others, changes=(near,)))
    assert first.is_change == is_change


@pytest.mark.parametrize(("kind", "is_change"), [("config_change", True), ("scaling", False)])
def test_more_instances_show_what_was_wrong_already(kind: str, *, is_change: bool) -> None:
    ended = {"title": "webhook refused: x509 certificate has expired"}
    near = record(0, ONSET - 0.1, "shop", "shop: webhook size is 6", kind=kind)
    first, *_ = ranking.rank(scene(ended, changes=(near,)))
    assert first.is_change == is_change


def rose(entity: str, metric: str, old: float, new: float) -> dict[str, Any]:
    return {
        "entity": entity, "title": f"{metric} rose from {old} to {new}", "kind": "metric_change",
        "category": "traffic", "count": 1,
    }  # fmt: skip


def test_more_requests_everywhere_are_a_surge() -> None:
    everywhere = [rose(e, "requests_per_sec", 100.0, 600.0) for e in ("shop", "web", "db")]
    assert "traffic" in ids(scene(*everywhere))


@pytest.mark.parametrize(
    ("metric", "is_surge"),
    [
        ("feed_messages_in_per_sec", True),
        ("IncomingRecords", True),
        ("events_received_total", True),
        ("messages_in_flight", False),
        ("messages_in_memory", False),
    ],
)
def test_more_messages_that_come_in_are_a_surge(metric: str, *, is_surge: bool) -> None:
    more = rose("web", metric, 100.0, 2900.0) | {
        "category": "traffic" if change_points.direction(metric) == "traffic" else None
    }
    late = {"title": "consumer_lag rose from 10 to 90000", "kind": "metric_change"}
    assert ("traffic" in ids(scene(late, more))) is is_surge


@pytest.mark.parametrize(("entity", "is_surge"), [("web", True), ("mail", False)])
def test_who_lets_them_in_need_not_be_in_trouble(entity: str, *, is_surge: bool) -> None:
    inside = rose(entity, "requests_per_sec", 100.0, 900.0) | {"weight": 0.5}
    slow = {"title": "queue of requests full"}
    assert ("traffic" in ids(scene(slow, inside))) == is_surge


def test_more_requests_behind_only_are_none() -> None:
    behind = (rose("db", "requests_per_sec", 100.0, 900.0), {"title": "shop is slow"})
    slow = {"title": "web is slow", "entity": "web"}
    assert "traffic" not in ids(scene(*behind, slow))


def test_one_record_in_every_error_is_bad_data() -> None:
    same = "\n".join(f"cannot parse order id=ord-7781 in attempt {n}" for n in range(5))
    others = "\n".join(f"cannot parse order id=ord-{n}7781" for n in range(5))
    assert "data" in ids(scene({"title": "cannot parse order", "text": same}))
    assert "data" not in ids(scene({"title": "cannot parse order", "text": others}))


@pytest.mark.parametrize(
    ("key", "is_one"),
    [("offset", True), ("kafka.message.id", True), ("EventID", False), ("line_number", False)],
)
def test_one_record_is_named_by_what_all_errors_carry(key: str, *, is_one: bool) -> None:
    said = "commit failed: no longer part of the group"
    text = "\n".join([said] * 5)
    shared = ((key, "1880412"),)
    fits = [Symptom(text, "reader", True, 0, 5, True, shared=shared)]
    assert (triggers.one_record(fits) == f"{key} 1880412") is is_one


def test_a_card_that_takes_in_broken_packets_fails() -> None:
    said = "kernel: eth0: Rx checksum error; device reported bad L4 checksum"
    assert "hardware" in ids(scene({"title": said}))
    assert "hardware" not in ids(scene({"title": "checksum error in the upload of a part"}))


NEAR = record(0, 39, "shop", "shop was deployed", diff="-a(b)\n+a(c)\n", files=["shop/a.go"])


def test_a_change_that_only_came_then_gives_way_to_a_strong_trigger() -> None:
    first, *_ = ranking.rank(scene(OUTSIDE, changes=(NEAR,)))
    assert first.category == "external_provider"
    assert not first.is_change


def test_a_change_that_explains_how_it_broke_does_not() -> None:
    shorter = record(
        0,
        39,
        "shop",
        "shop was deployed",
        diff="-timeout: 30s\n+timeout: 1s\n",
        files=["shop/c.yaml"],
    )
    late = {
        "title": "POST https://api.payments.example.com/v1/charge: timed out, deadline exceeded"
    }
    first, *_ = ranking.rank(scene(late, changes=(shorter,)))
    assert first.is_change


def test_an_alarm_of_our_own_is_no_word_of_the_provider() -> None:
    assert ids(scene({"title": "Elevated error rate on shop"})) == set()
    assert ids(scene({"title": "Increased error rates and latencies in this region"})) == {
        "external_provider"
    }


def test_an_entity_s_name_is_no_unpaid_bill() -> None:
    assert ids(scene({"title": "write latency is critical on billing"})) == set()


def test_the_end_of_a_name_is_no_part_of_a_machine() -> None:
    title = "connection to shop-db.clinic.internal failed: password authentication failed"
    assert ids(scene({"title": title})) == set()
    assert ids(scene({"title": "kernel: NIC eth0 failed"})) == {"hardware"}


def test_a_machine_that_failed_first_and_is_named_is_what_broke_it() -> None:
    felt = {"title": "write timed out on shop-5c-node-9"}
    early = signal(
        80, ONSET - 1, "node-9", "fault", title="kernel: blk_update_request: I/O error", count=20
    )
    shown = scene(felt)
    both = replace(shown, troubled=[early, *shown.troubled])
    [found] = [c for c in triggers.found(both) if c.category == "hardware"]
    assert found.score >= triggers.STRONG
    assert {t.about for t in found.terms} == {blamed.SHOWS, "words", "time", "place"}
    late = replace(shown, troubled=[early | {"time": at(ONSET + 2)}, *shown.troubled])
    [other] = [c for c in triggers.found(late) if c.category == "hardware"]
    assert other.score < found.score
    assert triggers.is_outside(early)
    assert not triggers.is_outside(shown.troubled[0])


def test_a_device_that_errors_name_and_that_tells_of_its_failure_is_what_broke_it() -> None:
    said = ("line card 3 failed",)
    card = Line("edge-rtr-7", 9, 17, said, since=at(ONSET - 3))
    felt = {"title": "429 too many updates of node edge-rtr-7"}
    [found] = [c for c in triggers.found(scene(felt, beside=(card,))) if c.category == "hardware"]
    assert found.place == "edge-rtr-7"
    assert {t.about for t in found.terms} == {blamed.SHOWS, "words", "time", "place"}
    [late] = [
        c for c in triggers.found(scene(felt, beside=(replace(card, since=at(ONSET + 3)),)))
        if c.category == "hardware"
    ]  # fmt: skip
    assert late.sum == pytest.approx(found.sum - 0.15)
    assert ids(scene({"title": "429 too many updates"}, beside=(card,))) == set()


def test_names_that_nobody_can_resolve_are_worse_than_one_s() -> None:
    lost = {"title": "lookup api.one.example.com: SERVFAIL"}
    [one] = triggers.found(scene(lost))
    [all_of_them] = triggers.found(scene(lost, lost | {"entity": "mail"}, lost | {"entity": "db"}))
    assert all_of_them.score > one.score


NOTICE = {"title": "health: operational issue in one zone", "category": "external_provider"}


@pytest.mark.parametrize(
    ("when", "began"),
    [("2026-03-03T14:11:00Z", True), ("Tue, 03 Mar 2026 14:11:00 GMT", True),
     ("2026-03-03T12:11:00Z", False), ("2026-13-03T14:11:00Z", False)],
)  # fmt: skip
def test_a_provider_that_says_since_when_bears_what_began_then(when: str, *, began: bool) -> None:
    notice = NOTICE | {"text": f'operational issue in one zone "startTime":"{when}"'}
    [found] = triggers.found(scene(notice))
    assert (found.bears == {"shop"}) is began
    assert any(t.about == "time" for t in found.terms) is began


def test_a_package_of_code_is_no_host_outside() -> None:
    assert (
        hosts.outside("System.Net.Http.HttpRequestException at java.net.Socket", scene()) == set()
    )
    said = "POST http://geo.tally.example/v1/list timed out, see api.mail.com."
    assert hosts.outside(said, scene()) == {"geo.tally.example", "api.mail.com"}


def test_the_host_that_a_proxy_serves_is_ours() -> None:
    said = (
        'upstream timed out while reading, client: 10.1.2.3, server: shop.com, request: "POST /pay'
        ' HTTP/1.1", upstream: "https://api.bank.com:443/v1/pay", host: "www.shop.com"'
    )
    assert hosts.outside(said, scene()) == {"api.bank.com"}


def test_what_comes_back_to_a_queue_is_no_more_traffic() -> None:
    more = {"title": "requests/count rose from 100 to 400", "kind": "metric_change",
            "category": "traffic", "entity": "mailer"}  # fmt: skip
    where = replace(scene(more), topology=calls("mailer>jobs", "web>jobs"))
    assert surges.risen_at(where) is not None
    kinds = {**where.topology.kinds, "jobs": "queue"}
    assert surges.risen_at(replace(where, topology=replace(where.topology, kinds=kinds))) is None


@pytest.mark.parametrize("address", ["10.0.1.88", "172.20.0.10", "192.168.4.1", "127.0.0.1"])
def test_addresses_of_private_networks_are_ours(address: str) -> None:
    assert hosts.outside(f"GET http://{address}:8081/ready: refused", scene()) == set()
    assert hosts.outside("GET http://172.40.0.10:8081/ready: refused", scene()) == {"172.40.0.10"}


@pytest.mark.parametrize(
    "said",
    ["shop CPU throttling: Alert", "shop: autoscaler is at its maximum of 20 replicas",
     "the desired replica count is more than the maximum replica count"],
)  # fmt: skip
def test_a_limit_of_ours_is_told_by_an_alert_or_a_record_and_not_by_a_metric(said: str) -> None:
    alert = {"title": said, "role": "alert_firing", "kind": "alert"}
    moved = {"title": "cpu_throttled_seconds rose from 0.1 to 9.0", "kind": "metric_change",
             "table": "metric"}  # fmt: skip
    assert ids(scene(alert)) == {"resource_exhaustion"}
    assert ids(scene(moved)) == set()


def test_a_volume_of_ours_that_degrades_is_no_outage_of_the_provider() -> None:
    said = ("The storage volume for DB instance shop is experiencing degraded performance due to"
            " an underlying hardware issue")  # fmt: skip
    assert ids(scene({"title": said})) == {"hardware"}


def test_a_lookup_that_ran_into_time_is_of_names() -> None:
    said = ("dial tcp: lookup orders.shop.svc.cluster.local on 172.20.0.10:53:"
            " read udp 10.0.1.1:4->172.20.0.10:53: i/o timeout")  # fmt: skip
    assert ids(scene({"title": said})) == {"network"}


def test_a_provider_s_notice_of_the_very_thing_that_errors_name_counts_for_more() -> None:
    told = "the host of shop-orders-1 fails, operational issue"
    notice = NOTICE | {"text": f'{told} "startTime":"2026-03-03T14:11:00Z"'}
    named = {"title": "dial tcp 10.1.2.3:5432: i/o timeout host=shop-orders.rds", "severity": 17}
    other = {"title": "dial tcp 10.1.2.3:5432: i/o timeout host=geo-places.rds", "severity": 17}
    by = [triggers.found(scene(notice, one)) for one in (named, other)]
    scores = [next(c for c in found if c.bears).sum for found in by]
    assert scores[0] == pytest.approx(scores[1] + 0.15, abs=0.02)


def test_what_says_that_it_ran_out_speaks_for_no_change_but_to_what_that_is() -> None:
    expired = {"title": "401 invalid_client: client secret expired", "severity": 17}
    about = feared(scene(expired).threats(at(30)))
    assert about["secret"] == pytest.approx(hazards.GENERAL)
    assert "sign-on" not in about
    refused = {"title": "401 invalid_client", "severity": 17}
    assert "sign-on" in feared(scene(refused).threats(at(30)))


def test_machines_taken_back_speak_for_no_change_but_to_which_are_asked_for() -> None:
    taken = {"title": "EC2 spot interruption notice received; evicting pods", "severity": 13}
    about = feared(scene(taken).threats(at(30)))
    assert about["machine-kind"] == 1
    assert "disruption" not in about
    drained = {"title": "evicting pods", "severity": 13}
    assert "disruption" in feared(scene(drained).threats(at(30)))


def test_what_is_taken_back_for_its_reuse_was_not_taken_back_by_who_gave_it() -> None:
    def taken(said: str) -> bool:
        return any(
            t.id == "credential-revoked" and t.fits(plain(said)) for t in knowledge.triggers()
        )

    assert taken("401 invalid_grant: the refresh token has been revoked")
    assert not taken("refresh token reuse: the family was revoked, 19 tokens revoked")


def test_what_a_trigger_may_be_the_work_of_is_known() -> None:
    told = {i for t in knowledge.triggers() for i in (*t.made_by, *t.asked_by)}
    assert told <= {h.id for h in knowledge.hazards()}


@pytest.mark.parametrize(
    ("title", "category"),
    [
        ("token rejected: not valid yet (nbf is 6s in the future)", "infrastructure_change"),
        ("jwt rejected: unknown key id: k-7", "certificate"),
        ("ntp_synchronized fell from 1 to 0", "hardware"),
        ("InsufficientInstanceCapacity: no c6i.xlarge", "infrastructure_change"),
    ],
)
def test_clocks_keys_and_machines_fail_without_a_change(title: str, category: str) -> None:
    assert category in ids(scene({"title": title, "severity": 17}))


@pytest.mark.parametrize(
    ("said", "trigger"),
    [
        ("ntp offset 4200ms exceeds the maximum", "clock-off"),
        ("clock difference against peer is too high", "clock-off"),
        (
            "Signature expired: 20260303T100000Z is now earlier than 20260303T101200Z",
            "clocks-apart",
        ),
        ("x509: current time 2026-03-03T11:58:00Z is before 2026-03-03T12:00:00Z", "clocks-apart"),
        ("JWKS has no key with kid 81", "key-rotated"),
        ("redis sentinel: +switch-master orders", "failover"),
        ("replica set rs0 elected a new primary", "failover"),
        ("VM: Preempt scheduled event, NotBefore 12:01", "machine-taken-back"),
        ("Spot VM shop-7 will be reclaimed in 30s", "machine-taken-back"),
        ("BTRFS error: checksum verify failed on sdb", "hardware-fails"),
        ("ESXi host 12 is not responding, guests were restarted", "hardware-fails"),
        ("port flapping on tor-12", "network-fails"),
        ("Interface Ethernet1/14, changed state to down", "network-fails"),
        ("%LINEPROTO-5-UPDOWN: Line protocol on Interface Gi0/2, down", "network-fails"),
        ("fpc2: line card is not responding", "hardware-fails"),
        ("sfp in port 4: tx power is below threshold", "hardware-fails"),
        ("olt-3: loss of signal on pon 2", "hardware-fails"),
        ("sequence orders_id reached its maximum", "numbers-used-up"),
        ("database must be vacuumed within 3000000 transactions", "numbers-used-up"),
        ("not accepting commands to avoid wraparound data loss", "numbers-used-up"),
        ("the tariff file covers 24 regions, fewer regions than the last", "data-incomplete"),
        ("products missing in the feed: 311", "data-incomplete"),
        ("root CA has expired", "certificate-expired"),
        ("OCSP responder is down", "certificate-revoked"),
        ("crawler fetches 900 pages a second", "attack"),
        ("ext4: no free inodes", "disk-full"),
        ("db restarted due to host replacement", "provider-maintains"),
        ("All paths down for device naa.60", "storage-away"),
        ("topics limit exceeded: 2000 topics", "grown-to-a-limit"),
        ("number of documents in the index cannot exceed 2147483519", "grown-to-a-limit"),
        ("no IP addresses available in range set: 10.4.2.1-10.4.2.254", "addresses-used-up"),
        ("IP_SPACE_EXHAUSTED: instance pool-b-7 has no alias range", "addresses-used-up"),
        ("DHCPDISCOVER via eth1: network 10.8/16: no free leases", "addresses-used-up"),
        ("subnet_available_ips fell from 46.0 to 0.0", "addresses-used-up"),
        ("ItemCollectionSizeLimitExceededException: write refused", "grown-to-a-limit"),
        ("ORA-01631: max # extents (505) reached in table SHOP.ORDERS", "grown-to-a-limit"),
        ("RulesPerSecurityGroupLimitExceeded: maximum number of rules reached", "grown-to-a-limit"),
        ("token of an employee who has left the company", "account-gone"),
        ("idp event user.lifecycle.deactivate target=kim", "account-gone"),
        ("x509: certificate signed by unknown authority", "chain-not-known"),
        ("ios_18_adoption_pct rose from 2 to 40", "clients-renewed"),
        ("%BGP-5-ADJCHANGE: neighbor 10.0.0.1 Down", "line-lost"),
        ("IPsec tunnel to fra-2 went down", "line-lost"),
    ],
)
def test_it_is_known_in_other_words(said: str, trigger: str) -> None:
    assert trigger in told_by(said)


def told_by(said: str) -> set[str]:
    text = plain(said)
    known = (t for t in knowledge.triggers() if t.symptom.search(text))
    return {t.id for t in known if t.never is None or not t.never.search(text)}


@pytest.mark.parametrize(
    "said",
    [
        "automatic vacuum of table shop.orders (to prevent wraparound): index scans: 1",
        "Transaction ID age is elevated relative to the warning threshold of 500 million",
        "java.lang.ArithmeticException: integer overflow",
    ],
)
def test_numbers_that_age_as_they_should_are_not_used_up(said: str) -> None:
    assert "numbers-used-up" not in told_by(said)


@pytest.mark.parametrize(("since", "explains"), [(10, False), (39.5, True)])
def test_a_change_explains_no_clocks_that_were_apart_before_it(
    since: float, *, explains: bool
) -> None:
    apart = {"title": "token rejected: nbf is 6s in the future", "severity": 17}
    diff = "--- a/x.go\n+++ b/x.go\n-  leeway: 30s\n+  leeway: 5s\n"
    made = record(0, 39, "shop", "Deploy of shop", revision="a1", diff=diff)
    off = Departure("login", "node_clock_offset_ms", at(since), 60_000_000_000, climbs=True)
    where = scene(apart, changes=(made,), departures=(off,))
    [one] = merged.one_each(where)
    found = judgements.of_change(one, where)
    assert found is not None
    weight = sum(t.weight for t in found.terms if t.about == "hazard")
    assert (weight > 0.1) == explains


@pytest.mark.parametrize(
    ("requests", "shown"), [("rose from 14 to 665", True), ("rose from 14 to 19", False)]
)
def test_many_new_addresses_with_many_requests_are_no_retry(requests: str, shown: bool) -> None:
    moved = {"kind": "metric_change", "severity": 13, "count": 1}
    found = ids(
        scene(
            {"title": "request timed out on /login"},
            moved | {"title": "distinct_source_ips_per_min rose from 628 to 19680"},
            moved | {"title": f"requests_per_sec {requests}", "category": "traffic"},
        )
    )
    assert ("traffic" in found) == shown


def test_a_customer_s_name_is_no_protocol() -> None:
    assert "certificate" not in ids(scene({"title": "store error 33 on tenant acme range=24h"}))


def test_a_service_that_is_called_a_gateway_is_no_network() -> None:
    assert "network" not in ids(scene({"title": "claims-gateway calls to one insurer fail"}))
    assert "network" in ids(scene({"title": "nat gateway failed in zone b", "severity": 17}))


def test_a_chain_that_is_not_known_is_told_by_all_who_meet_it_and_first() -> None:
    gone = {"title": "x509: certificate signed by unknown authority", "severity": 17}
    by = [triggers.found(scene(gone, *rest)) for rest in ((), (gone | {"entity": "mail"},))]
    one, two = (next(c for c in found if c.category == "certificate") for found in by)
    assert any("nothing failed before it" in t.text for t in one.terms)
    assert two.sum == pytest.approx(one.sum + 0.1)


def test_a_registry_that_gives_no_more_speaks_only_for_changes_of_images() -> None:
    limit = {"title": "failed to pull image: You have reached your pull rate limit", "severity": 17}
    about = feared(scene(limit).threats(at(30)))
    assert "image" in about
    assert "setup-lost" not in about


def test_a_line_that_nobody_draws_and_that_failed_first_is_what_broke_it() -> None:
    down = {"title": "BGP session a went from Established to Idle", "count": 1, "severity": 17,
            "entity": "wan", "category": "network", "time": at(ONSET) - 20_000_000_000}  # fmt: skip
    failed = {"title": "SocketTimeoutException: Read timed out (10.2.14.7:3270)"}
    drawn = scene(failed, down | {"entity": "web"})
    first, second = (
        next(c for c in triggers.found(s) if c.category == "network" and "line" in c.terms[0].text)
        for s in (scene(failed, down), drawn)
    )
    assert first.sum == pytest.approx(second.sum + 0.15)


def test_what_a_used_up_allowance_does_to_others_is_no_cause_of_its_own() -> None:
    felt = {"title": "getaddrinfo EAI_AGAIN db.internal", "severity": 17}
    spent = {"title": "linklocal_allowance_exceeded rose from 0 to 900", "kind": "metric_change"}
    assert "network" in ids(scene(felt))
    [found] = triggers.found(scene(felt, spent))
    assert found.category == "resource_exhaustion"
    assert "100% of what failed" in found.terms[1].text


def test_what_a_trigger_does_to_others_is_known() -> None:
    known = {t.id for t in knowledge.triggers()}
    assert {i for t in knowledge.triggers() for i in t.felt_as} <= known


@pytest.mark.parametrize(
    ("said", "category"),
    [
        ("operational issue: packet loss on paths between two regions", "network"),
        ("operational issue: loss of connectivity between zones a and b", "network"),
        ("operational issue: elevated error rates on the messaging API", "external_provider"),
    ],
)
def test_a_provider_s_own_network_is_a_network(said: str, category: str) -> None:
    assert ids(scene({"title": said, "severity": 17})) == {category}


@pytest.mark.parametrize(
    "said",
    ["the load balancer of shop answers 1.4% of requests with 502", "catalog-alb: elb 502 Alert"],
)
def test_a_balancer_that_finds_connections_closed_speaks_for_how_long_they_are_kept(
    said: str,
) -> None:
    assert "keep-alive" in feared(scene({"title": said}).threats(at(30)))
