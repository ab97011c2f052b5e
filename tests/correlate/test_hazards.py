"""Every hazard is shown by its own sample, and by no harmless change."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline import knowledge
from nova_timeline.correlate import asked, hazards
from nova_timeline.correlate.settings import Setting
from nova_timeline.correlate.symptoms import Symptom
from nova_timeline.errors import KnowledgeError
from nova_timeline.knowledge import Hazard

from .changes import change, feared

every_hazard = pytest.mark.parametrize("hazard", knowledge.hazards(), ids=lambda h: h.id)
NEAR = [h for h in knowledge.hazards() if "harmless" in h.sample]
CALM = """
-	buf := bytes.Buffer{}
+	buf := bytes.Buffer{}
+	buf.Grow(512)
"""
SHAPE = """
[[hazard]]
id = "a"
says = "b"
change = [{ gone = 'x' }]
symptom = ['y']
sample = { diff = "-x", fault = "y" }
"""


def symptom(text: str, *, at_root: bool = True) -> Symptom:
    return Symptom(text, "shop", at_root, 1, 5, is_error=True)


def sample(hazard: Hazard) -> hazards.Shown | None:
    given = hazard.sample
    files = [given["path"]] if "path" in given else []
    return hazards.shown(hazard, change(given.get("title", "x"), given.get("diff", ""), files))


@every_hazard
def test_its_sample_shows_it_and_breaks_as_it_says(hazard: Hazard) -> None:
    shown = sample(hazard)
    found = hazards.threat(hazard, [symptom(hazard.sample["fault"])])
    assert found is not None
    assert found.share == 1
    assert shown is not None
    assert shown.by
    assert 0 < shown.strength <= 1


@every_hazard
def test_a_calm_change_does_not_show_it(hazard: Hazard) -> None:
    assert hazards.shown(hazard, change(diff=CALM)) is None


@pytest.mark.parametrize("hazard", NEAR, ids=lambda h: h.id)
def test_what_is_near_it_does_not_show_it(hazard: Hazard) -> None:
    assert hazards.shown(hazard, change(diff=hazard.sample["harmless"])) is None


def test_there_are_enough_and_each_says_what_it_does() -> None:
    assert len(knowledge.hazards()) >= 120
    assert len({h.says for h in knowledge.hazards()}) == len(knowledge.hazards())


def test_a_symptom_further_up_counts_less_and_a_general_one_less_still() -> None:
    [loop] = [h for h in knowledge.hazards() if h.id == "call-in-loop"]
    root, above = symptom("queries per request"), symptom("queries per request", at_root=False)
    for symptoms, share in (
        ([above], hazards.ELSEWHERE),
        ([above, root], 1.0),
        ([symptom("latency rose")], hazards.GENERAL),
    ):
        found = hazards.threat(loop, symptoms)
        assert found is not None
        assert found.share == share
    assert hazards.threat(loop, [symptom("certificate expired")]) is None


def test_a_value_that_hardly_moved_hardly_shows_anything() -> None:
    known = hazards.Threats([symptom("timed out")])
    far, near = (
        hazards.best(change(diff=f"-timeout: 9s\n+timeout: {n}s"), known) for n in ("1", "8")
    )
    assert far is not None
    assert near is not None
    assert near[1].strength < 0.2 < far[1].strength


def test_of_which_nobody_knows_how_it_moved_shows_it_half() -> None:
    def strength(old: str, new: str) -> float:
        set_ = Setting("ack.mode", old, new)
        one = replace(change("x"), called=(set_,))
        found = hazards.best(one, hazards.Threats([symptom("redelivered twice")]))
        return 0.0 if found is None else found[1].strength

    assert strength("", "") == strength("", "5") == strength("manual", "auto") / 2


def test_a_quarter_of_the_instances_is_more_than_a_quarter_of_a_timeout() -> None:
    known = hazards.Threats([symptom("throttled: cpu")])
    one = replace(change("x"), called=(Setting("desiredCount", "12", "9"),))
    found = hazards.best(one, known)
    assert found is not None
    assert found[1].strength == pytest.approx(math.log(12 / 9) / math.log(2))


@pytest.mark.parametrize(
    ("ids", "diff", "path", "fault"),
    [
        (
            "nullness",
            "-  @JsonInclude(ALWAYS)\n+  @JsonInclude(NON_NULL)\n",
            "A.java",
            "non-nullable",
        ),
        ("nullness", "-  m.dump()\n+  m.dump(exclude_none=True)\n", "a.py", "KeyError: 'zip'"),
        ("herd", "-  $held = Cache::lock($key, 10);\n", "a.php", "too many clients already"),
        ("rows-rewritten", "+  Order.update_all(zone: 1)\n", "db/migrate/1.rb", "replica_lag rose"),
        ("rows-rewritten", '+  q("DELETE FROM logs WHERE a < b")\n', "jobs/a.go", "lock wait"),
        ("rows-rewritten", "+db.users.updateMany({}, {v: 2})\n", "migrations/7.js", "oplog: bloat"),
        ("name-asked-for", '-  {"total": t}\n+  {"sum": t}\n', "a.py", "total missing in row"),
        ("name-asked-for", "-  select a as id\n+  select a as key\n", "a.sql", "unknown column"),
        ("default-charset", "-  s.getBytes(UTF_8)\n+  s.getBytes()\n", "A.java", "wrong digest"),
        ("blocks", " async def f():\n+  requests.get(u)\n", "a.py", "event loop lag rose"),
        ("acknowledged-early", "-  m.ack()\n   work(m)\n+  m.ack()\n", "a.py", "unacked jobs"),
        (
            "spelt-by-locale",
            "+  Locale.setDefault(l);\n",
            "A.java",
            "could not parse 1,5 as amount",
        ),
        ("spelt-by-locale", "+  I18n.locale = l\n", "a.rb", "invalid number: 12,50"),
        (
            "never-the-same",
            "-  key = sku\n+  cache_key = sku + uuid4()\n",
            "a.py",
            "hit_ratio fell",
        ),
        ("never-the-same", "+  `It is ${Date.now()}`\n", "prompts/a.ts", "cache_read fell to 0"),
        (
            "shared-unguarded",
            "+  var m = new HashMap<K, V>();\n",
            "A.java",
            "ConcurrentModification",
        ),
        ("shared-unguarded", "-  m := sync.Map{}\n+  m := f()\n", "a.go", "concurrent map writes"),
        ("late-data", "-  .grace(ofHours(1))\n+  .grace(ofMillis(1))\n", "A.java", "late records"),
        ("bytes-read-otherwise", "-  errors.tolerance: all\n", "a.yml", "malformed record"),
        ("waits-for-the-slowest", "-  return_when=FIRST_COMPLETED\n", "a.py", "requests stalled"),
        ("side-by-side", "+  await asyncio.gather(*jobs)\n", "a.py", "429 Too Many Requests"),
        ("assets", "+  run: aws s3 sync a s3://b --delete\n", "ci.yml", "GET /assets/a.js 404"),
        ("work-held", " mu.Lock()\n+api.Get(u)\n+hubClient.Get(u)\n", "a.go", "lock wait"),
        ("recursion", "-  if n in seen: return\n", "a.py", "recursion depth exceeded"),
        ("end-lost", '-  p["marker"] = last\n', "a.py", "pages_fetched rose from 3 to 900"),
        ("timeout-longer", "-C{Timeout: t}\n+http.DefaultClient\n", "a.go", "goroutines rose"),
        ("blocks", "-  await f();\n+  f().Result;\n", "a.cs", "thread pool starvation"),
        ("setting-name", '+  env::var("A").expect("A")\n', "a.rs", "panicked at A: NotPresent"),
        ("clock", "-  d.plusDays(1)\n+  d.plus(HOUR * 24)\n", "A.java", "ran at 01:30"),
        ("limit-lost", "-  n = min(size, 200)\n+  n = size\n", "a.py", "rows_returned rose"),
        ("done-in-line", "-  @Async\n", "A.java", "lease a expired without renewal"),
        ("lives-longer", "+def f(x=[]):\n", "a.py", "basket of another user"),
        ("errors-unsaid", "-    raise\n+    pass\n", "a.py", "records missing in the export"),
        ("one-alone-no-more", "-  if AlreadySent(id)\n", "a.go", "mails_sent_total rose"),
        ("model-asked", "-  x = trim_messages(m)\n+  x = m\n", "a.py", "prompt_tokens rose"),
        ("numbers-on-the-wire", "-  int32 a = 3;\n+  string b = 3;\n", "a.proto", "wire type"),
        ("runs-made-up-for", "-  catchup=False,\n", "a.py", "dag_runs_created rose from 1 to 9"),
        ("runs-made-up-for", "+Persistent=true\n", "a.timer", "no open slots in pool night"),
        ("runs-made-up-for", "+  .withMisfireIgnore()\n", "A.java", "misfired 300 triggers"),
        ("written-over-whole", "+  aws s3 sync a s3://b --delete\n", "a.sh", "files fell from 9"),
        ("written-over-whole", "-  .option('replaceWhere', d)\n", "a.py", "no rows for May"),
        ("written-over-whole", "-insert into a\n+truncate a\n", "a.sql", "history is missing"),
        ("rows-multiplied", "+join rates r on r.sku = i.sku\n", "a.sql", "rate_rows rose from 2"),
        ("rows-multiplied", "-df.drop_duplicates('id')\n", "a.py", "sales are inflated"),
        ("rows-multiplied", "-where valid_to is null\n", "a.sql", "unique test failed"),
        ("place-not-moved-on", "-  client.send_feedback(lsn)\n", "a.py", "restart_lsn lag rose"),
        ("place-not-moved-on", "-max_slot_wal_keep_size=9GB\n", "a.conf", "retained WAL"),
        ("list-owned-whole", "+  ingress {\n", "a.tf", "connect timed out"),
        ("list-owned-whole", "+  managed_policy_arns = [a]\n", "a.tf", "AccessDenied"),
        ("failure-of-none", "-  p.catch(log)\n", "a.ts", "unhandledRejection: nope"),
        ("closed-while-written", "-  Promise.all(jobs)\n", "a.js", "write after end"),
        ("changed-in-the-cache", "-  x = deepcopy(d)\n+  x = d\n", "a.py", "duplicate items"),
        ("outgrows-its-type", "-  f(7L * s)\n+  f(7 * s)\n", "A.java", "negative delay"),
        ("divides-whole-numbers", "-  a / float(b)\n+  a / b\n", "a.py", "score is always 0"),
        ("converters-lost", "-  gob.Register(A{})\n", "a.go", "type not registered"),
        ("cut-by-bytes", "-  s.chars().take(9)\n+  &s[..9]\n", "a.rs", "not a char boundary"),
        ("address-unescaped", "-  url.QueryEscape(q)\n+  q\n", "a.go", "invalid URL escape"),
        ("list-of-other-shape", "-  many=True\n", "a.py", "object is not iterable"),
        ("tied-to-one-instance", "-  ip_hash;\n", "a.conf", "unknown session 7"),
        ("kept-by-identity", "+  new WeakMap()\n", "a.js", "cache_misses rose from 2 to 90"),
        ("room-by-default", "-  pool_maxsize=90\n", "a.py", "connection pool is full"),
    ],
)
def test_a_mistake_is_known_in_whatever_it_is_written(
    ids: str, diff: str, path: str, fault: str
) -> None:
    [one] = [h for h in knowledge.hazards() if h.id == ids]
    assert hazards.shown(one, change(diff=diff, files=[path])) is not None
    found = hazards.threat(one, [symptom(fault)])
    assert found is not None
    assert found.share == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [("id > $1", "id >= $1"), ('op="gt"', 'op="gte"'), ("f(id__lt=last)", "f(id__lte=last)")],
)
def test_to_ask_again_for_the_last_one_never_ends(old: str, new: str) -> None:
    known = hazards.Threats([symptom("infinite loop: same page again")])
    found = hazards.best(change(diff=f"-rows = page({old})\n+rows = page({new})\n"), known)
    assert found is not None
    same = change(diff=f"-rows = page({old})\n+rows = pages({old})\n")
    assert hazards.best(same, known) is None


def test_what_is_said_not_to_be_atomic_takes_no_lock() -> None:
    [lock] = [h for h in knowledge.hazards() if h.id == "lock-taken"]
    assert hazards.shown(lock, change(diff="+    atomic = True\n")) is not None
    assert hazards.shown(lock, change(diff="+    atomic = False\n")) is None


@pytest.mark.parametrize(
    ("ids", "diff"),
    [
        ("retries-fewer", "-  f(new FixedBackOff(0, 2))\n+  f(new ExponentialBackOff(3))\n"),
        ("cache-weaker", "-error_caching_min_ttl = 60\n+error_caching_min_ttl = 10\n"),
        ("lock-taken", "+  s := semaphore.NewWeighted(n)\n+  if !s.TryAcquire(1) { return }\n"),
        ("queue-bound", "+  s := semaphore.NewWeighted(n)\n+  if !s.TryAcquire(1) { return }\n"),
        ("late-data", "-terminationGracePeriodSeconds: 30\n+terminationGracePeriodSeconds: 60\n"),
        ("release-lost", "-  defer s.mu.Unlock()\n"),
        ("release-lost", "-  p = load().finally(() => { p = null; });\n"),
        ("setup-lost", "-  seen.add(id)\n-  rows.create(id)\n"),
        ("acknowledged-early", "-  transaction.on_commit(f)\n"),
        ("validation-tighter", "-  same_site: lax\n+  same_site: strict\n"),
        ("needs-in-circle", "-  A(Repo a, Log l) {}\n+  A(Repo repo, Log log) {}\n"),
        ("cache-unbounded", "-innodb_io_capacity = 200\n+innodb_io_capacity = 400\n"),
        ("cache-unbounded", "-read_capacity = 200\n+read_capacity = 400\n"),
        ("runs-made-up-for", "-  dag(catchup=False)\n+  dag(catchup=False, tags=[t])\n"),
        ("rows-multiplied", "+  print(', '.join(names))\n"),
    ],
)
def test_what_takes_nothing_away_is_harmless(ids: str, diff: str) -> None:
    [one] = [h for h in knowledge.hazards() if h.id == ids]
    assert hazards.shown(one, change(diff=diff)) is None


@pytest.mark.parametrize(
    ("ids", "said", "fault"),
    [
        ("spawns", "goroutine 81 [running]: main.serve(0xc000)", "go_goroutines rose"),
        ("spawns", 'Exception in thread "main" java.io.IOException', "threads rose from 9 to 900"),
        ("pool-larger", "429: over the rate limit of 90000 tokens per minute", "429 from payments"),
        ("cache-weaker", "422: missing key name", "cache misses rose"),
        ("edge-cache", "ChunkLoadError: Loading chunk 4 failed", "origin load rose"),
        ("schedule", "load day: no input", "load average rose from 1 to 60"),
        ("timeout-longer", "process_start_time_changes rose", "requests hang"),
        ("contract", "connection is not available", "x is not a function"),
        ("consumer", "offset-naive datetime", "offset of partition 3"),
        ("validation-lost", "calling inject.secrets.platform", "sql injection attempt"),
        ("cache-unbounded", "disk_write_time rose from 1 to 9", "disk_used rose from 1 to 9"),
        ("rows-multiplied", "rows_examined rose from 1 to 9", "order_rows rose from 1 to 9"),
    ],
)
def test_a_word_in_passing_is_no_sign_of_it(ids: str, said: str, fault: str) -> None:
    [one] = [h for h in knowledge.hazards() if h.id == ids]
    assert hazards.threat(one, [symptom(said)]) is None
    assert hazards.threat(one, [symptom(fault)]) is not None


def test_a_list_that_was_owned_already_is_not_taken_over() -> None:
    [owned] = [h for h in knowledge.hazards() if h.id == "list-owned-whole"]
    diff = "   ingress {\n     from_port = 443\n   }\n+  ingress {\n+    from_port = 8443\n+  }\n"
    assert hazards.shown(owned, change(diff=diff, files=["net.tf"])) is None


def test_what_must_not_be_put_in_is_not_where_no_diff_is_known() -> None:
    [bound] = [h for h in knowledge.hazards() if h.id == "queue-bound"]
    one = replace(change("x"), called=(Setting("queueCapacity", "100", "2"),))
    assert hazards.shown(bound, one) is not None


def test_a_call_for_all_is_no_batch() -> None:
    [lost] = [h for h in knowledge.hazards() if h.id == "batch-lost"]
    assert hazards.shown(lost, change(diff="-  store.saveAll(rows)\n")) is not None
    assert hazards.shown(lost, change(diff="-  return nights.all()\n")) is None


@given(st.permutations(["queries per request rose", "timed out", "oom killed", "429"]))
def test_the_hazard_that_tells_most_is_found_whatever_the_order(texts: list[str]) -> None:
    known = hazards.Threats([symptom(t) for t in texts])
    one = change(diff="-timeout: 9s\n-cache.get(k)\n+timeout: 5s\n")
    shown = ((known.of(h), hazards.shown(h, one)) for h in knowledge.hazards())
    most = max(t.share * s.strength for t, s in shown if t is not None and s is not None)
    found = hazards.best(one, known)
    assert found is not None
    assert found[0].share * found[1].strength == most


def test_a_library_of_another_version_that_an_error_names_is_found() -> None:
    bump = change(
        "x", "-celery==5.3.0\n-httpx==0.1.0\n+celery==6.0.0\n+httpx==0.2.0\n", ["requirements.txt"]
    )
    named = symptom("celery.exceptions.ContentDisallowed: refusing pickle")
    found = hazards.library(bump, [symptom("httpx2 failed", at_root=False), named])
    assert found == hazards.Library("celery", 1.0, named)
    assert hazards.library(bump, [symptom("celeryd is slow")]) is None


def test_a_pattern_is_told_only_if_it_can_back_track() -> None:
    def told(pattern: str) -> bool:
        bad = next(h for h in knowledge.hazards() if h.id == "backtracks")
        return hazards.shown(bad, change("x", f"-A = /^x$/;\n+A = /{pattern}/;\n")) is not None

    assert all(
        map(told, [r"^(\w+\s?)*$", r"^([a-z]+)+@", r"(?:\d+-?){2,}", r"(k=(\"x\"|\S+)\s*)+"])
    )
    assert not any(map(told, [r"^\w+(;\w+)*$", "(ab)*", r"([a-z]+)@x", r"(\d+;)*"]))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[[hazard]]", "[[hazard", "hazards is not TOML"),
        ("says", "sayz", "unknown key 'sayz'; did you mean 'says'?"),
        ("gone = 'x'", "gon = 'x'", "unknown key of change 'gon'; did you mean 'gone'?"),
        ("gone = 'x'", "setting = 'x'", "setting and moved go together"),
        ("gone = 'x'", "setting = 'x', moved = ['sideways']", "unknown way to move 'sideways'"),
        ("'x'", "'('", "in a pattern"),
        ("symptom = ['y']", "", "symptom is missing"),
    ],
)
def test_a_hazard_that_cannot_be_carried_out_is_told(old: str, new: str, told: str) -> None:
    with pytest.raises(KnowledgeError, match="hazards") as raised:
        knowledge.read_hazards(SHAPE.replace(old, new))
    assert told in str(raised.value)


def test_two_hazards_of_one_name_are_told() -> None:
    with pytest.raises(KnowledgeError, match="'a' is there twice"):
        knowledge.read_hazards(SHAPE + SHAPE)


def test_a_long_value_is_cut_in_the_sentence() -> None:
    told = asked.told(Setting("ca_bundle", "A" * 5000, "B" * 5000))
    assert told == f"ca_bundle from {'A' * 59}… to {'B' * 59}…"


def test_what_a_line_touches_counts_by_how_far_its_number_moved() -> None:
    text = SHAPE.replace("gone = 'x'", "touches = 'fetch_size'")
    [one] = knowledge.read_hazards(text)

    def strength(diff: str) -> float:
        shown = hazards.shown(one, change(diff=diff))
        return 0.0 if shown is None else shown.strength

    assert strength("-fetch_size = 10\n+fetch_size = 11\n") < 0.1
    assert strength("-fetch_size = 10\n+fetch_size = 90\n") == 1
    assert strength("+fetch_size = auto\n") == strength("-fetch_size = auto\n") == 1
    assert strength(" fetch_size = 10\n-a\n+b\n") == 0


def test_a_setting_is_touched_by_the_name_that_stands_beside_it() -> None:
    [one] = knowledge.read_hazards(SHAPE.replace("gone = 'x'", "touches = 'fetch_size'"))
    beside = '   - name: fetch_size\n-    value: "10"\n+    value: "90"\n'
    assert hazards.shown(one, change(diff=beside)) is not None
    assert hazards.shown(one, change(diff=beside.replace("fetch_size", "page_size"))) is None


def test_what_a_call_set_is_touched_too() -> None:
    [one] = knowledge.read_hazards(SHAPE.replace("gone = 'x'", "touches = 'fetchSize'"))
    called = replace(change("x"), called=(Setting("fetchSize", "", "auto"),))
    assert hazards.shown(one, called) is not None
    assert hazards.shown(one, change("x")) is None


def test_a_number_that_is_touched_must_move_the_way_that_is_asked_if_one_is() -> None:
    asks = "touches = 'fetch_size', moved = ['down']"
    [one] = knowledge.read_hazards(SHAPE.replace("gone = 'x'", asks))
    less, more = "-fetch_size = 90\n+fetch_size = 10\n", "-fetch_size = 10\n+fetch_size = 90\n"
    assert hazards.shown(one, change(diff=less)) is not None
    assert hazards.shown(one, change(diff=more)) is None
    assert hazards.shown(one, change(diff="+fetch_size = 10\n")) is not None


def test_what_is_only_written_in_another_way_is_not_touched() -> None:
    hazard = next(h for h in knowledge.hazards() if h.id == "sign-on")
    gone = '-  form.Set("client_id", c.ClientID)\n-  form.Set("grant_type", "refresh_token")\n'
    moved = '+  return url.Values{\n+    "client_id": {c.ClientID},\n+    "grant_type": {"%s"},\n'
    assert hazards.shown(hazard, change(diff=gone + moved % "refresh_token")) is None
    assert hazards.shown(hazard, change(diff=gone + moved % "password")) is not None


def test_a_share_and_a_number_are_no_two_sizes_of_one_thing() -> None:
    def ids(diff: str) -> set[str]:
        return {h.id for h in knowledge.hazards() if hazards.shown(h, change(diff=diff))}

    assert "amount-scaled" not in ids("-  maxSurge: 25%\n+  maxSurge: 1\n")
    assert "amount-scaled" in ids("-  maxSurge: 25\n+  maxSurge: 1\n")


@pytest.mark.parametrize(
    ("diff", "fault", "hazard"),
    [
        ("-  concurrencyPolicy: Forbid\n+  concurrencyPolicy: Allow\n", "it ran twice", "schedule"),
        ("-  minReplicas: 6\n+  minReplicas: 1\n", "worker queue is full", "resources-smaller"),
        ("-  minAvailable: 3\n+  minAvailable: 1\n", "evicting pods", "disruption"),
        ("-  jwks_cache_ttl: 5m\n+  jwks_cache_ttl: 24h\n", "unknown kid k-7", "kept-as-read"),
        ("-  keep_days: 3\n+  keep_days: 90\n", "no space left on device", "left-lying"),
        (
            '-h("Cache-Control", "no-cache")\n+h("Cache-Control", "max-age=31536000, immutable")\n',
            "ChunkLoadError: Loading chunk 7 failed",
            "assets",
        ),
        (
            '-h("Cache-Control", "max-age=600")\n+h("Cache-Control", "max-age=5")\n',
            "requests_per_sec rose from 40 to 900",
            "http-caching",
        ),
        (
            "-  - name: QUEUE_URL\n+  - name: URL_OF_QUEUE\n",
            "Error 111 connecting to localhost:6379",
            "setting-name",
        ),
        (
            "-  next_open(Time.zone.today)\n+  next_open(Date.today)\n",
            "requested date 2026-10-14 precedes today: DATE_IN_PAST",
            "clock",
        ),
        (
            "-  wait := time.Duration(ms) * time.Millisecond\n+  wait := time.Duration(ms)\n",
            "context deadline exceeded",
            "unit",
        ),
        (
            "-    if not partition_exists(conn, name):\n-        create_partition(conn, name)\n"
            "+    if partition_exists(conn, name):\n+        return\n"
            "+    create_partition(conn, name)\n",
            'no partition of relation "visits" found for row',
            "made-beforehand",
        ),
        (
            "-    crc32($key . ':' . $unit) % 1000\n+    crc32($unit . '@' . $key) % 1000\n",
            "experiment_arm_changed_ratio rose from 0.0 to 0.5",
            "placement",
        ),
        (
            "-  lifecycle:\n-    preStop:\n-      exec:\n-        command: [sleep, '15']\n",
            "503 UF upstream connect error, reset reason: remote connection failure",
            "farewell-lost",
        ),
        (
            "+kind: NetworkPolicy\n+policyTypes: [Egress]\n",
            "getaddrinfo EAI_AGAIN orders-db.data.svc",
            "reach",
        ),
        (
            "-    Key: []byte(ev.DeviceID),\n+    Key: []byte(ev.FleetID),\n",
            "consumer_lag_max rose from 900 to 218000",
            "ordering",
        ),
        (
            "-    Key: []byte(ev.DeviceID),\n+    Key: []byte(ev.FleetID),\n",
            "partition_bytes_in_max_mb rose from 1.1 to 19",
            "cache-key",
        ),
        (
            "-import axios from 'axios';\n+import got from 'got';\n",
            "client closed connection before response",
            "client-swapped",
        ),
        (
            "+  cookies[:visitor] ||= SecureRandom.uuid\n",
            "cdn cache_hit_ratio fell from 0.97 to 0.03",
            "http-caching",
        ),
        (
            "-    await publish(order)\n+    asyncio.create_task(publish(request, order))\n",
            "RuntimeError: Working outside of request context",
            "outlives-its-request",
        ),
        (
            "-  - [critical, 8]\n-  - [bulk, 1]\n",
            "sidekiq_queue_latency_default_s rose from 0.4 to 926",
            "queues-merged",
        ),
        (
            '-ENTRYPOINT ["tini", "--", "/app/worker"]\n+ENTRYPOINT ["/app/worker"]\n',
            "worker exited with code 137 after grace period 30s",
            "signals-not-passed-on",
        ),
        (
            '-  if (client.isEnabled("new-rates")) {\n-    return rates.v3(x);\n-  }\n',
            "GET /v2/rates answered 410 Gone",
            "switch-taken-out",
        ),
        (
            "-@retry(limiter(6))\n-async def all(xs):\n+async def all(xs):\n+  await gather(*xs)\n",
            "RateLimitError: 429, the rate limit was exceeded",
            "side-by-side",
        ),
        (
            "-    tmp = File.createTempFile(a, b)\n-    tmp.deleteOnExit()\n"
            "+    tmp = File.createTempFile(a, b)\n",
            "node_filesystem_avail_bytes fell from 90000000 to 0",
            "left-lying",
        ),
        (
            "-    producer.send(new Record(t, key=user.id, v))\n+    producer.send(t, key=None)\n",
            "event_out_of_order_total rose from 0 to 90",
            "overtaking",
        ),
        (
            "-  key=values(tenant.id)\n+  key=None\n",
            "ledger: version gap for account 7: got Closed v9 while at v4",
            "overtaking",
        ),
        (
            "+  channel.queueDeclare(name, true, args(x-queue-type, quorum))\n",
            "PRECONDITION_FAILED: inequivalent arg 'x-queue-type'",
            "declared-otherwise",
        ),
        (
            "-    return (total * rate).quantize(CENT, ROUND_HALF_UP)\n"
            "+    return sum(l.vat.quantize(CENT) for l in lines)\n",
            "journal 9f4d not balanced: debit 318.40 credit 318.39",
            "sums",
        ),
    ],
)
def test_a_kind_is_known_in_other_words(diff: str, fault: str, hazard: str) -> None:
    known = next(h for h in knowledge.hazards() if h.id == hazard)
    shown, found = hazards.shown(known, change(diff=diff)), hazards.threat(known, [symptom(fault)])
    assert shown is not None
    assert found is not None
    assert shown.strength * found.share >= 0.6


def test_a_number_that_got_a_name_may_be_the_same() -> None:
    one = next(h for h in knowledge.hazards() if h.id == "copies-waited-for")
    found = [
        hazards.shown(one, change(diff=f"-p.RequiredAcks = {old}\n+p.RequiredAcks = {new}\n"))
        for old, new in (("1", "sarama.WaitForAll"), ("1", "3"))
    ]
    assert [shown.strength for shown in found if shown is not None] == [0.5, 1.0]


@pytest.mark.parametrize(
    ("file", "old", "new", "shows"),
    [
        ("go.mod", "example.com/kms v1.35.2", "example.com/kms v1.35.3", False),
        ("Chart.yaml", "kms: v1.35.2", "kms: v1.35.3", True),
    ],
)
def test_the_version_of_a_library_is_no_setting(
    file: str, old: str, new: str, *, shows: bool
) -> None:
    one = next(h for h in knowledge.hazards() if h.id == "key-rotated")
    bump = change(diff=f"-  {old}\n+  {new}\n", files=(file,))
    assert (hazards.shown(one, bump) is not None) == shows


def test_a_monitoring_agent_is_no_agent_of_a_model() -> None:
    one = next(h for h in knowledge.hazards() if h.id == "agent")
    titles = ("Adjust agent run error handler", "Roll out node agent 7.2 to all hosts")
    assert [hazards.shown(one, change(title=t)) is not None for t in titles] == [False, True]


@pytest.mark.parametrize(
    ("hazard", "diff"),
    [
        ("label", "-apiVersion: autoscaling/v2beta2\n+apiVersion: autoscaling/v2\n"),
        (
            "http-caching",
            '-h("Cache-Control", "max-age=90")\n+h("Cache-Control", "max-age=90, a")\n',
        ),
        ("assets", '-h("max-age=31536000")\n+h("max-age=31536000, immutable")\n'),
        ("spawns", '+process.on("SIGUSR2", () => dump());\n'),
        ("rollout-faster", "-agent_parallel_tools: 10%\n+agent_parallel_tools: 25%\n"),
        ("tls-settings", "-  a().setSSLContext(ssl).build()\n+  b().sslContext(ssl).build()\n"),
        ("release-lost", "+    socket.connect(address, 3_000);\n"),
        ("cookies", "-  res.csp('frame-ancestors *')\n+  res.csp('frame-ancestors a.com')\n"),
        ("message-larger", "-  use(r.Baselines)\n+  r.cache.Replace(r.GetBaselines())\n"),
        ("permission", '-ssl_policy = "TLS13-2021"\n+ssl_policy = "TLS13-2022"\n'),
        ("resolver", '   - name: ndots\n-    value: "5"\n+    value: "2"\n'),
        ("reach", '+  capabilities: {drop: ["ALL"]}\n'),
        ("consumer", '-  acks = "all"\n+  acks = "1"\n'),
        ("unit", "-terminationGracePeriodSeconds: 600\n+terminationGracePeriodSeconds: 5\n"),
        ("limit-raised", "-strategy.max = 5\n+strategy.max = 5000\n"),
        ("time-kept", "-- name: enable chrony\n+- name: ensure chrony runs\n"),
        ("signals-not-passed-on", '-CMD ["/app/a"]\n+CMD exec /app/a --port $PORT\n'),
    ],
)
def test_what_is_of_another_kind_does_not_show_it(hazard: str, diff: str) -> None:
    one = next(h for h in knowledge.hazards() if h.id == hazard)
    assert hazards.shown(one, change(diff=diff)) is None


@pytest.mark.parametrize(
    ("diff", "hazard"),
    [
        ("+  cache.fetch(key, expires_in: 1.day) { find(key) }\n", "deletes"),
        ("-  expires_in 10.minutes, public: true\n+  expires_in 1.hour, public: true\n", "unit"),
        (
            "-  res.redirect('/')\n+  res.redirect(end({ post_logout_redirect_uri: base }))\n",
            "session",
        ),
        (
            "-  res.redirect('/')\n+  res.redirect(end({ post_logout_redirect_uri: base }))\n",
            "sign-on",
        ),
        (
            "+  'Content-Security-Policy-Report-Only': \"default-src 'self'; report-uri /csp\",\n",
            "session",
        ),
        (
            "+  'Content-Security-Policy-Report-Only': \"default-src 'self'; report-uri /csp\",\n",
            "browser-policy",
        ),
        ("-session = requests.Session()\n+session = httpx.Client()\n", "session"),
    ],
)
def test_a_kind_is_told_from_what_looks_like_it(diff: str, hazard: str) -> None:
    known = next(h for h in knowledge.hazards() if h.id == hazard)
    assert hazards.shown(known, change(diff=diff)) is None


def test_a_name_in_an_image_that_cannot_be_pulled_is_no_log_that_is_stuck() -> None:
    known = next(h for h in knowledge.hazards() if h.id == "log-path")
    assert hazards.threat(known, [symptom("failed to pull image fluent/fluent-bit:3.1")]) is None
    assert hazards.threat(known, [symptom("fluentd: buffer is full, chunks dropped")]) is not None


def test_where_the_root_says_what_ran_out_all_else_is_an_echo() -> None:
    ended = symptom("AADSTS7000222: the provided client secret keys are expired")
    stale = replace(symptom("stale_calendars rose from 20 to 3900", at_root=False), is_error=False)
    alone = feared(hazards.Threats([stale]))
    echoed = feared(hazards.Threats([ended, stale]))
    others = feared(hazards.Threats([symptom("EOF"), ended, stale]))
    assert alone["order-lost"] == others["order-lost"] == hazards.ELSEWHERE
    assert echoed["order-lost"] == pytest.approx(hazards.GENERAL * hazards.ELSEWHERE)


def test_who_asks_for_more_of_a_quota_may_have_used_it_up() -> None:
    spent = [symptom("OVER_QUERY_LIMIT: you have exceeded your daily request quota")]
    found = feared(hazards.Threats(spent))
    assert found["rate-limit"] == 1.0
    assert "permission" not in found


@pytest.mark.parametrize(
    ("diff", "swapped"),
    [
        ('-import "net/http"\n+import "github.com/go-resty/resty/v2"\n', True),
        ("-const axios = require('axios');\n+import got from 'got';\n", True),
        ('-gem "faraday", "~> 2.9"\n+gem "httparty", "~> 0.21"\n', True),
        ("-    <artifact>jedis</artifact>\n+    <artifact>lettuce-core</artifact>\n", False),
        ("-import redis.clients.jedis.Jedis;\n+import io.lettuce.core.RedisClient;\n", True),
        ("-requests==2.31.0\n+requests==2.32.3\n", False),
        ("-    requests: {memory: 1Gi}\n+    requests: {memory: 2Gi}\n", False),
        ("-a = redis.get(k)\n+a = redis.get(k) or redis.get(old)\n", False),
        ("+import httpx\n", False),
    ],
)
def test_a_library_is_swapped_where_another_stands_for_it(diff: str, swapped: bool) -> None:
    known = next(h for h in knowledge.hazards() if h.id == "client-swapped")
    assert (hazards.shown(known, change(diff=diff)) is not None) is swapped


def test_what_eases_is_nobody_s_doing() -> None:
    known = {
        title: feared(hazards.Threats([replace(symptom(title), is_measured=True)]))
        for title in (
            "cpu_utilization fell from 0.4 to 0.1",
            "cpu_utilization rose from 0.1 to 0.4",
        )
    }
    fell, rose = known.values()
    assert "computes" in rose
    assert not fell


def test_how_often_a_peer_is_probed_is_not_how_long_it_may_last() -> None:
    [held] = [h for h in knowledge.hazards() if h.id == "held-for-less"]
    assert hazards.shown(held, change(diff="-tcp-keepalive 300\n+tcp-keepalive 60\n")) is None
    assert hazards.shown(held, change(diff="-keepalive 300\n+keepalive 60\n")) is not None


def test_what_another_does_is_the_work_of_no_other_change() -> None:
    unheard = symptom("getaddrinfo EAI_AGAIN api.partner.example: temporary failure")
    ended = replace(
        symptom("validation failure: signature expired while building chain of trust"),
        at_root=False,
    )
    alone, both = (feared(hazards.Threats(s)) for s in ([unheard], [unheard, ended]))
    assert "resolver" in alone
    assert "resolver" not in both
    assert "names-vouched-for" in both
    told = feared(hazards.Threats([unheard, replace(ended, is_error=False)]))
    assert "resolver" in told


def test_who_cannot_ask_if_it_was_taken_back_says_nothing_of_ciphers() -> None:
    silent = [symptom("client SSL certificate verify error: certificate status request failed")]
    found = feared(hazards.Threats(silent))
    assert found["revocation-asked"] == 1.0
    assert "tls-settings" not in found


def test_what_never_ended_and_ends_now_is_begun() -> None:
    [kept] = [h for h in knowledge.hazards() if h.id == "kept-for-latecomers"]
    begun = change(diff="-message_ttl = 0\n+message_ttl = 3600\n", files=["mqtt.conf"])
    longer = change(diff="-message_ttl = 60\n+message_ttl = 3600\n", files=["mqtt.conf"])
    assert hazards.shown(kept, begun) is not None
    assert hazards.shown(kept, longer) is None


def test_the_same_names_read_in_another_way_are_the_same() -> None:
    [served] = [h for h in knowledge.hazards() if h.id == "hosts-served"]
    old = '-ALLOWED_HOSTS = os.environ.get("HOSTS", "a.example,b.internal").split(",")\n'
    same = old + '+ALLOWED_HOSTS = listed("HOSTS", default=["a.example", "b.internal"])\n'
    fewer = old + '+ALLOWED_HOSTS = listed("HOSTS", default=["a.example"])\n'
    assert hazards.shown(served, change(diff=same)) is None
    assert hazards.shown(served, change(diff=fewer)) is not None


def test_to_look_for_all_is_no_batch() -> None:
    [lost] = [h for h in knowledge.hazards() if h.id == "batch-lost"]
    assert hazards.shown(lost, change(diff="-  return repo.findAll();\n+  return kept;\n")) is None
    assert hazards.shown(lost, change(diff="-  repo.persist_all(rows)\n")) is not None


@pytest.mark.parametrize(
    "asked",
    [
        'if redis.call("get", KEYS[1]) == ARGV[1] then',
        "if (jedis.get(key).equals(token)) {",
        "if self.token == self.store.get(key):",
    ],
)
def test_who_lets_go_of_a_lock_unasked_has_things_done_twice(asked: str) -> None:
    [unasked] = [h for h in knowledge.hazards() if h.id == "written-unasked"]
    gone = f"-{asked}\n+  client.del(key)\n"
    assert hazards.shown(unasked, change(diff=gone)) is not None
    assert hazards.threat(unasked, [symptom("duplicate posting reference m_1")]) is not None


def test_to_hand_it_over_as_another_thing_is_not_the_same() -> None:
    [served] = [h for h in knowledge.hazards() if h.id == "hosts-served"]
    other = '-serve(server_name="a.example")\n+serve(default_server="a.example")\n'
    assert hazards.shown(served, change(diff=other)) is not None
