"""A diff is read for what it takes away and brings in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.correlate import diffs, settings
from nova_timeline.correlate.settings import Setting


def test_lines_put_back_elsewhere_are_moved_and_not_changed() -> None:
    found = diffs.read("@@ -1 +1 @@\n-  a = 1\n-b()\n+if x:\n+    a = 1\n+c()\n")
    assert found.gone == ("b()",)
    assert [line.strip() for line in found.new] == ["if x:", "c()"]
    assert (found.calls_gone, found.calls_new) == (("b",), ("c",))


def test_a_layout_change_leaves_the_same_words() -> None:
    assert diffs.read("-f(a, b)\n+f(\n+    a,\n+    b,\n+)\n").is_same
    assert not diffs.read("-f(a, b)\n+f(a, c)\n").is_same
    assert not diffs.read(" f(a, b)\n").is_same
    assert not diffs.read("-x = 3\n-y = 4\n+y = 3\n+x = 4\n").is_same


def test_fields_that_change_places_with_their_numbers_are_not_the_same() -> None:
    assert diffs.read("-  a = 1;\n-  b = 2;\n+  b = 2;\n+  a = 1;\n").is_same
    assert not diffs.read("-  a = 1;\n-  b = 2;\n+  b = 1;\n+  a = 2;\n").is_same


@pytest.mark.parametrize("line", ["// why", "# why", "-- why", "/* why */", "   // why"])
def test_comments_do_not_count(line: str) -> None:
    found = diffs.read(f"+{line}\n a = 1\n")
    assert found.new == ()


def test_a_web_address_is_no_comment() -> None:
    assert diffs.read('+url = "https://shop.example.com"\n').new == (
        'url = "https://shop.example.com"',
    )


LOOP = """
 for item in items:
{0}    price = client.fetch(item)
     total += price
"""


def test_a_call_that_comes_to_stand_in_a_loop_is_found() -> None:
    assert diffs.read(LOOP.format("+")).looped == ("fetch",)
    assert diffs.read(LOOP.format(" ")).looped == ()
    assert diffs.read(LOOP.format("-")).looped == ()


def test_a_call_after_a_loop_or_within_the_process_is_none_in_a_loop() -> None:
    assert diffs.read("+for i in items:\n+    n += 1\n+client.save(n)\n").looped == ()
    assert diffs.read("+for i in items:\n+    out.append(len(i))\n").looped == ()


@pytest.mark.parametrize(
    ("diff", "only"),
    [
        ('-q(ctx, "select a")\n+package x\n+const one = "select a"\n+q(ctx, one)\n', True),
        ("-return f(a) * 60\n+let minute = 60;\n+return f(a) * minute\n", True),
        ("-return f(a) * 60\n+let minute = 61;\n+return f(a) * minute\n", False),
        ("-f(a)\n+if (late) f(a, late)\n", False),
        ("-where a = b\n+where lower(a) = lower(b)\n", False),
        ("+const one = 1\n+f(one)\n", False),
        ("-f(a)\n+f(a, b)\n", False),
    ],
)
def test_what_only_gives_a_name_to_a_value_is_told_from_what_adds_one(
    diff: str, only: bool
) -> None:
    assert diffs.read(diff).is_naming == only


@pytest.mark.parametrize(
    ("diff", "name"),
    [
        ("+var seen []string\n+func f(s string) {\n+\tseen = append(seen, s)\n+}\n", "seen"),
        ("+const hits = [];\n function f(x) {\n+  hits.push(x);\n }\n", "hits"),
        (" def f(self, x):\n+    self._history.append(x)\n", "self._history"),
        (
            "+const hits = [];\n+  hits.push(x);\n+  if (hits.length > max_size) hits.shift();\n",
            None,
        ),
        ("+    rows = []\n+    rows.append(x)\n", None),
    ],
)
def test_what_grows_and_is_not_bounded_is_named(diff: str, name: str | None) -> None:
    assert diffs.read(diff).growing == name


def test_a_table_is_unmade_unless_a_migration_comes_with_it() -> None:
    found = diffs.read('+  q = "SELECT id FROM gift_cards WHERE code = %s"\n')
    assert found.unmade_table("shop/gifts.py") == "gift_cards"
    assert found.unmade_table("shop/gifts.py migrations/0042.py") is None
    assert diffs.read("+CREATE TABLE gift_cards (id int)\n").unmade_table("a.sql") is None


@pytest.mark.parametrize(
    ("gone", "new", "found"),
    [
        ("pool_size: 40", "pool_size: 4", Setting("pool_size", "40", "4")),
        ("MAX_TRIES: int = 8", "MAX_TRIES: int = 2", Setting("MAX_TRIES", "8", "2")),
        ("Policy{Max: 8, Wait: 5}", "Policy{Max: 8}", Setting("Wait", "5", "")),
        (
            "WithTimeout(ctx, 3*time.Second)",
            "WithTimeout(ctx, 300*time.Millisecond)",
            Setting("WithTimeout", "3*time.Second", "300*time.Millisecond"),
        ),
        ("MaxBytes(512<<10),", "MaxBytes(1<<20),", Setting("MaxBytes", "512<<10", "1<<20")),
        ("if i < n {", "if i <= n {", Setting("i", "<", "<=")),
        ('host: "a"', 'host: "b"', Setting("host", '"a"', '"b"')),
        ("enabled = false", "enabled = true", Setting("enabled", "false", "true")),
        ("timeoutMs: 3000,", "timeout: 3,", Setting("timeout", "3000", "3")),
        ("max_wait_seconds = 5", "max_wait = 5000", Setting("max_wait", "5", "5000")),
        ("per: second", "per: minute", Setting("per", "second", "minute")),
    ],
)
def test_a_value_that_moved_is_told_with_its_name(gone: str, new: str, found: Setting) -> None:
    assert found in settings.moved([gone], [new])


@pytest.mark.parametrize(
    ("gone", "new", "moved"),
    [
        (
            'p.put("linger.ms", 0);', 'p.put("linger.ms", 5);',
            Setting("linger.ms", "0", "5"),
        ),
        (
            "p.put(ENABLE_IDEMPOTENCE_CONFIG, true);", "p.put(ENABLE_IDEMPOTENCE_CONFIG, false);",
            Setting("ENABLE_IDEMPOTENCE_CONFIG", "true", "false"),
        ),
        (
            "conf.set(Keys.MAX_RETRIES, 3)", "conf.set(Keys.MAX_RETRIES, 9)",
            Setting("Keys.MAX_RETRIES", "3", "9"),
        ),
        (
            "dial(ctx, 3 * time.Second)", "dial(ctx, 9 * time.Second)",
            Setting("dial", "3 * time.Second", "9 * time.Second"),
        ),
    ],
)  # fmt: skip
def test_a_setting_that_is_put_under_a_name_goes_by_it(gone: str, new: str, moved: Setting) -> None:
    assert settings.moved([gone], [new]) == (moved,)


def test_a_number_says_more_of_a_setting_than_its_type() -> None:
    gone, new = ["  waitMs: number;", "  waitMs: 800,"], ["  wait: number;", "  wait: 8,"]
    assert Setting("wait", "800", "8") in settings.moved(gone, new)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("40", 40), ("250ms", 0.25), ("5 * time.Millisecond", 0.005), ("1.5s", 1.5),
        ("512Mi", 512 * 2**20), ("60 * 1000", 60_000), ("'30'", 30), ("minute", 60),
        ("512 << 10", 512 * 2**10), ("1<<20", 2**20), ("1 << SHIFT", 1),
        ("soon", None), ("", None),
    ],
)  # fmt: skip
def test_an_amount_is_read_with_its_unit(text: str, amount: float | None) -> None:
    assert settings.amount(text) == (None if amount is None else pytest.approx(amount))


def test_a_table_of_data_is_not_held_line_against_line() -> None:
    gone = [f'("a{n}", {n}, "x", "y")' for n in range(20_000)]
    new = [f'("b{n}", {n}, "x", "y")' for n in range(20_000)]
    assert settings.moved(gone, new) == ()


@pytest.mark.parametrize(
    ("old", "new", "moved"),
    [
        ("40", "4", "down"), ("300ms", "3s", "up"), ("false", "true", "on"), ("on", "off", "off"),
        ("40", "", "gone"), ('"a"', '"b"', "other"), ("0", "5", "up"), ("1s", "1000ms", "other"),
    ],
)  # fmt: skip
def test_which_way_a_value_moved(old: str, new: str, moved: str) -> None:
    assert Setting("x", old, new).moved == moved


@given(st.text("+- ab(){}=1\n", max_size=200), st.text("xy", max_size=5))
def test_any_text_can_be_read(diff: str, files: str) -> None:
    found = diffs.read(diff)
    assert set(found.gone) <= set(found.taken)
    assert found.looped == tuple(sorted(found.looped))
    assert found.growing is None or found.growing
    assert found.unmade_table(files) is None
    assert all(s.key != "" or s.old for s in found.settings)


def test_an_attribute_of_rust_is_no_comment() -> None:
    read = diffs.read('-#[serde(rename = "id")]\n+#[serde(rename = "ID")]\n-# why\n')
    assert read.gone == ('#[serde(rename = "id")]',)


def test_a_line_is_told_under_which_keys_it_stands() -> None:
    read = diffs.read(
        " spec:\n   selector:\n-    app: cart\n+    app: shop\n   ports:\n+    - port: 80\n"
        ' resource "aws_lb" "web" {\n+  idle = 4\n }\n def f(x):\n+    y = 1\n'
    )
    assert read.under == {
        "    app: cart": "spec: selector:",
        "    app: shop": "spec: selector:",
        "    - port: 80": "spec: ports:",
        "  idle = 4": 'resource "aws_lb" "web" {',
        "    y = 1": "",
    }


@pytest.mark.parametrize(
    ("gone", "new", "told"),
    [
        ("    maxconn 20000", "    maxconn 200", [Setting("maxconn", "20000", "200")]),
        ("  client_max_body_size 8m;", "  client_max_body_size 1m;",
         [Setting("client_max_body_size", "8m", "1m")]),
        ("appendonly yes", "appendonly no", [Setting("appendonly", "yes", "no")]),
        ("  return 5", "  return 6", []),
    ],
)  # fmt: skip
def test_a_setting_may_be_written_with_a_blank(gone: str, new: str, told: list[Setting]) -> None:
    assert [s for s in settings.moved([gone], [new]) if s.key] == told


@pytest.mark.parametrize(
    ("key", "old", "new", "moved"),
    [
        ("cpu", "1500m", "2", "up"),
        ("resources.limits.cpu", "2", "1500m", "down"),
        ("cpu_request", "250m", "300m", "up"),
        ("timeout", "90m", "100", "down"),  # minutes, and seconds
    ],
)
def test_of_a_processor_an_m_is_a_thousandth(key: str, old: str, new: str, moved: str) -> None:
    assert Setting(key, old, new).moved == moved


@pytest.mark.parametrize(
    ("gone", "new", "value"),
    [
        ("max-poll-records: 200", "c.put(MAX_POLL_RECORDS_CONFIG, 200);", None),
        ("max-poll-records: 200", "c.put(MAX_POLL_RECORDS_CONFIG, 20);", "20"),
        ("pool_size = 40", "    .setPoolSize(4)", "4"),
        ("pool_size = 40", "    .setPool(40)", ""),
        ("size: 40", "    int.resizeTo(40)", ""),
    ],
)
def test_a_setting_that_code_gives_is_not_gone(gone: str, new: str, value: str | None) -> None:
    told = [s.new for s in settings.moved([gone], [new]) if s.old in ("200", "40")]
    assert told == ([] if value is None else [value])


@pytest.mark.parametrize(
    ("diff", "key"),
    [
        ('   - name: POOL_SIZE\n-    value: "5"\n+    value: "50"\n', "POOL_SIZE"),
        ("   name: 'pool_size'\n   in: {\n-    value: '5'\n+    value: '50'\n", "pool_size"),
        ('-  {name = "pool", value = "5"},\n+  {name = "pool", value = "50"},\n', "pool"),
        ('-  "Value": "5",\n+  "Value": "50",\n   "Name": "POOL_SIZE"\n', "POOL_SIZE"),
        ("   name: a\n   value: 1\n-  value: 5\n+  value: 50\n", "value"),
    ],
)  # fmt: skip
def test_a_value_is_called_by_the_name_beside_it(diff: str, key: str) -> None:
    one = diffs.read(diff).settings[0]
    assert (one.key, one.ratio) == (key, 10)


def test_a_setting_of_another_name_with_the_same_words_and_value_has_not_gone() -> None:
    said = [
        diffs.read(f"-BATCH_ROWS = 1_000\n+ROWS_PER_BATCH = {n}\n").settings
        for n in ("1_000", "9_000")
    ]
    assert [any(s.key == "BATCH_ROWS" for s in found) for found in said] == [False, True]


@pytest.mark.parametrize(
    ("diff", "same"),
    [
        ("-  topic: mail.sent\n+  topic: 'mail.sent'\n", True),
        ('-OPTS=--heap=3g\n+OPTS="--heap=3g"\n', True),
        ("-  secure: true,\n-  mode: :lax\n+  mode: :lax,\n+  secure: true\n", True),
        ("-  annotation: 8080\n+  annotation: '8080'\n", False),
        ("-  enabled: yes\n+  enabled: 'yes'\n", False),
        ('-x = topic\n+x = "topic"\n', False),
    ],
)
def test_quotes_and_commas_that_make_no_difference_are_none(diff: str, *, same: bool) -> None:
    read = diffs.read(diff)
    assert (not read.gone and not read.new) is same


def test_what_a_text_is_filled_in_with_is_no_comment() -> None:
    (line,) = diffs.read('+  ["Now: #{Time.now}", RULES].join\n').new
    assert "Time.now" in line


def test_sizes_that_are_given_as_powers_of_two_are_read_as_numbers() -> None:
    [found] = settings.moved(["maxBatch = 512 << 10"], ["maxBatch = 1 << 20"])
    assert found == Setting("maxBatch", "512 << 10", "1 << 20")
    assert found.ratio == 2
