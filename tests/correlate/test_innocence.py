"""What can hardly have broken anything is told as such, and only that."""

import pytest

from nova_timeline.correlate import innocence, merged

from .changes import change
from .scenes import signal


@pytest.mark.parametrize(
    "path",
    [
        "README.md", "docs/api.md", "CODEOWNERS", "pkg/a_test.go", "tests/test_a.py",
        "a/testdata/x.json", "web/cart.css", "web/theme.ts", ".github/workflows/x.yml",
        ".golangci.yml", "src/a.spec.ts", "LICENSE-MIT", "NOTICE.txt", "AUTHORS",
        "deploy/staging/tls.yaml", "config/dev.env", "ops/dashboards/errors.json",
        "monitoring/alerts/db.yaml",
    ],
)  # fmt: skip
def test_files_that_reach_nothing_that_runs(path: str) -> None:
    found = innocence.judge(change("x", files=[path]))
    assert found is not None
    assert found[1] <= -0.25


@pytest.mark.parametrize(
    ("step", "runs"),
    [
        ("pnpm lint --fix", False), ("go test ./...", False), ("docker build .", False),
        ("aws s3 sync dist s3://shop-static --delete", True), ("docker push shop/web", True),
        ("kubectl apply -f k8s/", True), ("helm upgrade web charts/web", True),
    ],
)  # fmt: skip
def test_a_pipeline_reaches_what_runs_where_it_puts_things_out(step: str, *, runs: bool) -> None:
    one = change("ci: faster", f"-  run: make\n+  run: {step}\n", [".github/workflows/web.yml"])
    assert innocence.puts_out(one) is runs
    assert (innocence.judge(one) is None) is runs


@pytest.mark.parametrize(
    "path",
    [
        "pkg/a.go",
        "contest.py",
        "src/latest.ts",
        "deploy/prod/tls.yaml",
        "stylist/app.py",
        "docker.go",
        "dashboards/app.py",
        "alerts/sender.go",
        "src/NoticeUrls.java",
        "pkg/license.go",
        "authors/views.py",
    ],
)
def test_files_of_code_and_settings_are_no_excuse(path: str) -> None:
    assert innocence.judge(change("tidy up", files=[path])) is None


@pytest.mark.parametrize(
    ("diff", "told"),
    [
        ("-f(a, b)\n+f(a,\n+  b)\n", "only moves or lays out anew"),
        ("-f(60)\n+const minute = 60\n+f(minute)\n", "only gives a name"),
        ("-// old\n+// new\n", "only comments"),
        (
            '-  if (!a) return redirect("/b");\n+  if (!a) {\n+    log.warn("no a, redirecting");\n'
            '+    return redirect("/b");\n+  }\n',
            "what is logged",
        ),
        (
            "-export const hash = (p) => bcrypt.hash(p, 12);\n"
            "+  rounds: int(process.env.ROUNDS, 12),\n"
            "+export const hash = (p) => bcrypt.hash(p, cfg.rounds);\n",
            "be set from outside",
        ),
        ('-LOG_DEBUG(log, "a")\n+LOG_INFO(log, "a b")\n', "what is logged"),
        ("+prometheus.MustRegister(hits)\n", "what is measured"),
        (
            "-\tn := a + b\n-\treturn n * 2\n+\treturn twice(a, b)\n"
            "+func twice(a, b int) int {\n+\tn := a + b\n+\treturn n * 2\n+}\n",
            "into a function of their own",
        ),
        (
            "-  for (const r of res.data.rates) {\n-    if (!(r > 0)) throw new Bad(r);\n-  }\n"
            "+  check(res.data.rates);\n+function check(rates) {\n+  for (const r of rates) {\n"
            "+    if (!(r > 0)) throw new Bad(r);\n+  }\n+}\n",
            "into a function of their own",
        ),
        (
            "-  return put(w.es, bytes.NewReader(w.buf), 3)\n"
            "+  return store.Put(ctx, w.es, w.buf)\n"
            "+func Put(ctx context.Context, es *Client, b []byte) error {\n"
            "+  return put(es, bytes.NewReader(b), 3)\n+}\n",
            "into a function of their own",
        ),
        (
            "-  if (t.age() > MOST) throw new Stale(t.age());\n+  const age = t.age();\n"
            "+  logger.debug({ age }, 'age');\n+  if (age > MOST) throw new Stale(age);\n",
            "only gives a name",
        ),
        (
            '-  if t.After(now.Add(5 * time.Second)) {\n-    return errors.New("too early")\n'
            "+  if t.After(now.Add(slack)) {\n+    return errTooEarly\n"
            "+const slack = 5 * time.Second\n",
            "only gives a name",
        ),
        (
            "-  private final Duration wait = Duration.ofSeconds(5);\n"
            "+  private static final Duration WAIT = Duration.ofSeconds(5);\n"
            "+  private final Duration wait = WAIT;\n",
            "only gives a name",
        ),
        (
            "-    res = client.get(url, timeout=5)\n-    return res.json()\n"
            "+    answer = client.get(url, timeout=5)\n+    return answer.json()\n",
            "by other names",
        ),
        (
            "-  cfg, err := load(path)\n-  return cfg.Check(), err\n"
            "+  conf, err := load(path)\n+  return conf.Check(), err\n",
            "by other names",
        ),
        (
            "+  start := time.Now()\n"
            "+  defer func() { took.Observe(time.Since(start).Seconds()) }()\n",
            "only what is measured",
        ),
        (
            "+  if at, err := madeAt(r); err == nil {\n"
            "+    orderAge.Observe(time.Since(at).Seconds())\n+  }\n",
            "only what is measured",
        ),
        ("+  lag, _ := replica.Lag(ctx)\n+  lagGauge.Set(lag.Seconds())\n", "is measured"),
        (
            '-  LOG.info("page " + id + " read");\n'
            '+  LOG.info("page {} read in {} ms", id, took);\n',
            "only what is logged",
        ),
        (
            "-  if err := json.NewDecoder(r.Body).Decode(&req); err != nil {\n"
            "-    http.Error(w, err.Error(), 400)\n"
            "+  req, err := decodeRequest[Req](r)\n+  if err != nil {\n"
            "+    writeError(w, http.StatusBadRequest, err)\n",
            "with the same answers",
        ),
        (
            '-var denied = []string{"KP", "SY", "CU"}\n+deny: [CU, KP, SY]\n+var raw []byte\n',
            "keeps a list elsewhere",
        ),
        ('-err = "not fuond here"\n+err = "not found here"\n', "the words of a text"),
        ('-import { a } from "./old";\n+import { a } from "./new";\n', "where code is taken from"),
        ("-from shop.old import a\n+from shop.new import a\n", "where code is taken from"),
    ],
)
def test_diffs_that_leave_what_is_done_as_it_was(diff: str, told: str) -> None:
    found = innocence.judge(change("x", diff, ["pkg/a.go"]))
    assert found is not None
    assert told in found[0]
    assert found[1] < -0.1


@pytest.mark.parametrize(
    "diff",
    [
        "-if a == nil { return }\n use(a)\n",
        '-q = "SELECT a FROM b LIMIT 5"\n+q = "SELECT a FROM b"\n',
        '-host = "https://a.example.com/v1"\n+host = "https://b.example.com/v1"\n',
        "-limit(5)\n+limit(50)\n",
        "-  a = read(x)\n-  return put(a, b)\n+  c = read(x)\n+  return put(b, c)\n",
        "-  a = read(x)\n-  return put(a, b)\n+  b = read(x)\n+  return put(b, b)\n",
        "-  self.age = 5\n-  return self.age\n+  self.ttl = 5\n+  return self.ttl\n",
        "-  age = 5\n-  return dict(age=age)\n+  ttl = 5\n+  return dict(ttl=ttl)\n",
        "-  max_age = 5\n+  max_ttl = 5\n",
        '-  if t > 5 {\n-    return errors.New("too early")\n'
        "+  if t > slack {\n+    return errTooEarly\n+const slack = 50\n",
        '-  if t > 5 {\n-    return errors.New("too early")\n'
        "+  if t > slack {\n+    return nil\n+const slack = 5\n",
        "-  if t > 5 {\n-    return errGone\n"
        "+  if t > slack {\n+    return errTooEarly\n+const slack = 5\n",
        '-name = f"of {a} and {b}"\n+name = f"of {a} and {a}"\n',
        "-  uint64 a = 3;\n-  uint64 b = 4;\n+  uint64 b = 3;\n+  uint64 a = 4;\n",
        "-  lock.acquire()\n-  return put(a, 3)\n+  return keep(a)\n"
        "+def keep(b):\n+  return put(b, 3)\n",
        "+  n := db.Count(ctx)\n+  rowsGauge.Set(n)\n",
        "+  n := replica.Lag(ctx)\n+  lagGauge.Set(n)\n+  return n\n",
        "-  return put(a, 3)\n+  return keep(a)\n+def keep(b):\n+  return put(b, 30)\n",
        "-  return put(a)\n+  return keep(a)\n+def keep(b):\n+  return put(list(b))\n",
        "-  http.Error(w, err.Error(), 400)\n+  writeError(w, http.StatusBadGateway, err)\n",
        "-  http.Error(w, err.Error(), 400)\n+  charge(w, http.StatusBadRequest, err)\n",
        "-  - name: SESSION_URL\n+  - name: URL_OF_SESSIONS\n",
        '-var served = []string{"NO", "SE", "DK"}\n+served: [NO, SE, DK]\n',
        '-var denied = []string{"KP", "SY", "CU"}\n+deny: [CU, KP]\n',
        '-check(x)\n-var denied = []string{"KP", "SY", "CU"}\n+deny: [CU, KP, SY]\n',
        "-\tn := a + b\n+\tn := twice(a, b)\n+func twice(a, b int) int {\n+\treturn a\n+}\n",
    ],
)
def test_diffs_that_do_something_else(diff: str) -> None:
    assert innocence.judge(change("docs: tidy", diff, ["pkg/a.go"])) is None


def test_new_versions_weigh_by_their_step() -> None:
    files = ["go.mod", "go.sum"]
    patch, minor, major = (
        innocence.judge(change("bump", f"-\ta/b v1.2.3\n+\ta/b {v}\n", files))
        for v in ("v1.2.4", "v1.3.0", "v2.0.0")
    )
    assert patch is not None
    assert minor is not None
    assert major is not None
    assert patch[1] < minor[1] < major[1] == 0


def test_libraries_of_other_versions_are_named() -> None:
    bumped = change(
        "bump",
        '-    "left-pad": "1.2.0",\n-    "sharp": "0.33.3",\n-    "same": "1.0.0",\n'
        '+    "left-pad": "2.0.0",\n+    "sharp": "0.33.4",\n+    "same": "1.0.0",\n',
        ["package.json"],
    )
    assert innocence.libraries(bumped) == {"left-pad": 2, "sharp": 0}
    go = "-\tgithub.com/a/stripe-go/v76 v76.1.0\n+\tgithub.com/a/stripe-go/v76 v76.2.0\n"
    assert innocence.libraries(change("bump", go, ["go.mod"])) == {"stripe-go": 1}
    pinned = "-celery==5.3.0\n+celery==5.4.0\n"
    assert innocence.libraries(change("bump", pinned, ["requirements.txt"])) == {"celery": 1}
    assert innocence.libraries(change("bump", pinned, ["api/requirements.lock"])) == {"celery": 1}
    assert innocence.libraries(change("bump", pinned, ["notes.py"])) == {}


def test_a_title_counts_only_where_no_file_is_known() -> None:
    assert innocence.judge(change("fix a typo in the readme")) is not None
    told = innocence.judge(change("fix a typo", files=["pkg/messages.go"]))
    assert told is not None
    assert told[1] > -0.25


@pytest.mark.parametrize(
    ("key", "old", "new", "innocent"),
    [
        ("shop.log.level", "info", "warning", True),
        ("shop.log.level", "info", "debug", False),
        ("shop.banner.text", "welcome", "welcome back", True),
        ("metrics.interval_seconds", "30", "60", True),
        ("session.cookie_days", "14", "30", True),
        ("session.cookie_days", "30", "1", False),
        ("export.batch_size", "200", "250", True),
        ("export.batch_size", "200", "2500", False),
        ("db.pool.max_size", "20", "2", False),
    ],
)
def test_a_setting_that_nothing_depends_on_breaks_nothing(
    key: str, old: str, new: str, *, innocent: bool
) -> None:
    one = signal(0, 30, "shop", "change", kind="config_change", title="x")
    held = {"config.key": key, "config.previous": old, "config.value": new}
    found = innocence.judge(merged.Change(one, (), ("x",), (held,)))
    assert (found is not None and found[1] <= -0.15) == innocent


@pytest.mark.parametrize(
    ("name", "value", "innocent"),
    [
        ("_rooms-challenge", "rooms-site=81c0d6", True),
        ("_acme-challenge", "81c0d6", True),
        ("@", "rooms-site-verification=81c0d6", True),
        ("_dmarc", "v=DMARC1; p=reject", False),
        ("@", "v=spf1 -all", False),
        ("rooms", "81c0d6", False),
    ],
)
def test_a_record_that_shows_whose_a_domain_is_is_asked_for_by_nobody_else(
    name: str, value: str, *, innocent: bool
) -> None:
    value = value.replace("rooms-site-", "rooms-domain-")
    diff = f'+resource "dns_record" "rooms" {{\n+  name = "{name}"\n+  txt  = ["{value}"]\n+}}\n'
    assert (innocence.judge(change("x", diff, ["zone.tf"])) is not None) == innocent
    assert innocence.judge(change("x", diff.replace("+  txt", "-  txt"), ["zone.tf"])) is None


def test_a_schedule_in_quotes_is_no_text() -> None:
    def judged(old: str, new: str) -> str:
        diff = f'--- a/x.yaml\n+++ b/x.yaml\n-  value: "{old}"\n+  value: "{new}"\n'
        return (innocence.judge(change("x", diff, ["x.yaml"])) or ("", 0.0))[0]

    assert "words of a text" in judged("see you soon", "see you later")
    assert "words of a text" not in judged("30 4 * * *", "* 4-22 * * *")


def test_words_of_looks_are_none_where_no_file_is_known_to_be_of_a_page() -> None:
    assert innocence.judge(change("x", "-  imageLimit: 80\n+  imageLimit: 99\n")) is None


@pytest.mark.parametrize(
    ("key", "new", "harmless"),
    [
        ("log_min_duration_statement", "500", True),
        ("log_lock_waits", "on", True),
        ("log_min_duration_statement", "0", False),
        ("slow_query_log_time", "2", True),
        ("log_buffer_size", "64", False),
    ],
)
def test_what_is_logged_of_slow_statements_breaks_nothing(
    key: str, new: str, *, harmless: bool
) -> None:
    said = f"Dynamic parameter {key} changed from 1000 to {new}."
    one = signal(0, 30, "db", "change", kind="config_change", title=said)
    found = innocence.judge(merged.Change(one, (), (said,), ({},)))
    assert (found is not None and found[1] <= innocence.INNOCENT) is harmless


def test_what_a_call_is_handed_is_no_list() -> None:
    diff = (
        "-  if not has_part(conn, name):\n-    make_part(conn, name)\n"
        "+  if has_part(conn, name):\n+    return\n+  make_part(conn, name)\n"
    )
    assert innocence.judge(change("x", diff, ["parts/ahead.py"])) is None
    listed = (
        '-  if code in set_of("KP", "SY", "CU"):\n+  if code in denied:\n+denied: [KP, SY, CU]\n'
    )
    assert innocence.judge(change("x", listed, ["parts/ahead.py"])) is not None
