"""Ways out that leave before what was taken is given back."""

import pytest

from nova_timeline.correlate import diffs, innocence

from .changes import change

BODY = """
@@ -31,9 +31,9 @@
 \tresp, err := client.Do(req)
 \tif err != nil {
 \t\treturn err
 \t}
+\tif resp.StatusCode >= 400 {
+\t\treturn &StatusError{resp.StatusCode}
+\t}
 \tdefer resp.Body.Close()
-\tif resp.StatusCode >= 400 {
-\t\treturn &StatusError{resp.StatusCode}
-\t}
 \treturn read(resp.Body)
"""
SKIPPED = """
 for message in consumer:
     order = parse(message.body)
+    if order.country not in KNOWN:
+        log.info("skipped %s", order.id)
+        continue
     handle(order)
     message.ack()
"""
LOCKED = """
   await lock.acquire(key);
   const held = await load(key);
+  if (held.isDone) {
+    return held;
+  }
   await work(held);
   await lock.release(key);
"""


@pytest.mark.parametrize(
    ("diff", "line"),
    [
        (BODY, "defer resp.Body.Close()"),
        (SKIPPED, "message.ack()"),
        (LOCKED, "await lock.release(key);"),
    ],
)
def test_an_exit_that_leaves_something_taken_is_found(diff: str, line: str) -> None:
    assert diffs.read(diff).passed_over == line


@pytest.mark.parametrize(
    "diff",
    [
        # Nothing was taken where there is an error, or nothing at all.
        " rows, err := db.Query(q)\n+if err != nil {\n+\treturn err\n+}\n defer rows.Close()\n",
        " conn = pool.get()\n+if conn is None:\n+    return None\n use(conn)\n conn.close()\n",
        "+if !sem.TryAcquire(1) {\n+\treturn errBusy\n+}\n defer sem.Release(1)\n",
        " key = key_of(a)\n+if not lock.acquire(key):\n+    return\n work()\n lock.release(key)\n",
        # It is given back on every way out, or before.
        " finally:\n+    if late:\n+        return\n     conn.close()\n",
        " f = open(path)\n f.close()\n+if late:\n+    return\n",
        # It is taken only later, or by another function.
        "+if late:\n+    return\n conn = pool.get()\n conn.close()\n",
        " def a(conn):\n+    return conn\n def b(conn):\n     conn.close()\n",
        "@@ -1 +1 @@\n conn = a\n+    return conn\n@@ -9 +9 @@\n conn.close()\n",
        # It left there before as well.
        " c = pool.get()\n-if a:\n-    return 1\n+if b:\n+    return 1\n c.close()\n",
    ],
)
def test_other_exits_leave_nothing(diff: str) -> None:
    assert diffs.read(diff).passed_over is None


def test_what_passes_over_is_not_innocent_though_it_only_moves_lines_and_logs() -> None:
    moved = BODY.replace("+\t\treturn", '+\t\tlog.Warn("answered", resp.StatusCode)\n+\t\treturn')
    assert innocence.judge(change("classify sooner", moved, ["send.go"])) is None
    assert innocence.judge(change("classify sooner", BODY, ["send.go"])) is None


AHEAD = """
     for h in range(1, ahead + 1):
         name = partition(base + h)
-        if not exists(name):
-            create(name)
+        if exists(name):
+            return made
+        create(name)
+        made += 1
"""
BEHIND = """
 \tfor _, customer := range customers {
 \t\tif customer.Address == "" {
-\t\t\tcontinue
+\t\t\tbreak
 \t\t}
"""


@pytest.mark.parametrize(("diff", "line"), [(AHEAD, "return made"), (BEHIND, "break")])
def test_a_loop_that_ends_at_what_it_passed_over_before_is_found(diff: str, line: str) -> None:
    assert diffs.read(diff).left_early == line


@pytest.mark.parametrize(
    "diff",
    [
        AHEAD.replace("return made", "continue"),
        AHEAD.replace("for h in range(1, ahead + 1):", "def make(base, h):"),
        BEHIND.replace("-\t\t\tcontinue\n", ""),  # what was there before is not known
        " for x in rows:\n     def ready(x):\n-        if not x:\n-            wait()\n"
        "+        if x:\n+            return x\n",
    ],
)
def test_a_loop_that_goes_on_is_not_left_early(diff: str) -> None:
    assert diffs.read(diff).left_early is None
