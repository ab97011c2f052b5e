"""What a diff makes others wait for."""

from __future__ import annotations

import pytest

from nova_timeline.correlate import diffs, innocence

from .changes import change

MOVED = (
    "-    ref = partner.hold(room)\n"
    "     with transaction.atomic():\n"
    "         room.lock()\n"
    "+        ref = partner.hold(room)\n"
    "         return keep(ref)\n"
)


@pytest.mark.parametrize(
    "text",
    [
        MOVED,
        " s.mu.Lock()\n defer s.mu.Unlock()\n+quote, err := s.client.Fetch(ctx, id)\n",
        " tx, err := db.BeginTx(ctx, nil)\n+body, err := http.Get(url)\n err = tx.Commit()\n",
        "+  @Transactional\n   public void pay(Order o) {\n     gateway.charge(o);\n   }\n",
        " account.with_lock do\n+  mailer.deliver(account)\n   account.save\n end\n",
        " lock (gate) {\n+    var rate = rateClient.Get(code);\n }\n",
        " await prisma.$transaction(async (tx) => {\n+  await axios.post(url, order);\n });\n",
        "   synchronized (this) {\n+    var t = authStub.issue(user);\n   }\n",
    ],
)
def test_a_call_to_someone_else_is_made_while_a_lock_is_held(text: str) -> None:
    assert diffs.read(text).held is not None
    assert innocence.judge(change(diff=text)) is None


@pytest.mark.parametrize(
    "text",
    [
        MOVED.translate(str.maketrans("+-", "-+")),
        MOVED.replace("+", " ").replace("-", " "),
        MOVED.replace("partner.hold", "db.query"),
        " s.mu.Lock()\n s.n++\n s.mu.Unlock()\n+quote := s.client.Fetch(id)\n",
        " with transaction.atomic():\n+    order.objects.create(a=1)\n",
        " with open(path) as f:\n+    client.send(f)\n",
    ],
)
def test_what_is_called_when_nothing_is_held_makes_nobody_wait(text: str) -> None:
    assert diffs.read(text).held is None


@pytest.mark.parametrize(
    "line",
    [
        "requests.get(url)",
        "time.sleep(2)",
        "maps.Client(key=k).geocode(q)",
        "row = db.execute(q)",
        "s3_client.get_object(Key=k)",
    ],
)
def test_what_a_coroutine_does_not_await_stops_its_loop(line: str) -> None:
    assert diffs.read(f" async def read(q):\n+    {line}\n").stops_loop == line
    assert diffs.read(f" async def read(q):\n     {line}\n").stops_loop is None
    assert diffs.read(f" async def read(q):\n+    await {line}\n").stops_loop is None
    assert diffs.read(f" async def read(q):\n+    await to_thread({line})\n").stops_loop is None
    assert diffs.read(f" def read(q):\n+    {line}\n").stops_loop is None
    assert diffs.read(f" async def a():\n     def b():\n+        {line}\n").stops_loop is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-  work(m)\n   m.ack()\n+  work(m)\n", "m.ack()"),
        ("-  m.ack()\n   work(m)\n+  m.ack()\n", "m.ack()"),
        ("+  m.ack()\n   work(m)\n-  m.ack()\n", "m.ack()"),
        ("-\tb.mu.Lock()\n \ta.mu.Lock()\n+\tb.mu.Lock()\n", "b.mu.Lock()"),
        ("-  c.commitSync()\n   if r:\n     a(r)\n   b()\n+  c.commitSync()\n", "c.commitSync()"),
        ("+  c.commit()\n   for m in ms:\n     sink.write(m)\n-  c.commit()\n", "c.commit()"),
        ("-  ch.ack(t)\n-  job.run\n+  job.run   # takes long\n+  ch.ack(t)\n", "ch.ack(t)"),
    ],
)  # fmt: skip
def test_steps_that_change_places_are_no_layout(text: str, told: str) -> None:
    assert told in diffs.read(text).swapped
    assert innocence.judge(change(diff=text)) is None


@pytest.mark.parametrize(
    "text",
    [
        "-  work(m)\n   log.info(m.ack())\n+  work(m)\n",
        "-  a = load(m)\n   b = load(n)\n+  a = load(m)\n",
        "-  m.ack()\n+    m.ack()\n   work(m)\n",
        "-def close(a):\n def work(a):\n+def close(a):\n",
        " m.ack()\n+ work(m)\n",
    ],
)
def test_what_may_stand_in_any_order_is_only_moved(text: str) -> None:
    assert diffs.read(text).swapped == ()


@pytest.mark.parametrize(
    ("text", "behind"),
    [
        (
            '-r.HandleFunc("/notes/recent", s.recent)\n r.HandleFunc("/notes/{id}", s.note)\n'
            '+r.HandleFunc("/notes/recent", s.recent)\n',
            'r.HandleFunc("/notes/recent", s.recent)',
        ),
        (
            '-app.get("/notes/recent", recent);\n app.get("/notes/:id", note);\n'
            '+app.get("/notes/:id/recent", recent);\n+app.get("/notes/recent", recent);\n',
            'app.get("/notes/recent", recent);',
        ),
        (
            '-app.get("/users", users);\n app.get("/notes/:id", note);\n'
            '+app.get("/users", users);\n',
            None,
        ),
        (
            ' app.get("/notes/:id", note);\n-app.get("/notes/recent", recent);\n'
            '+app.get("/notes/latest", recent);\n',
            None,
        ),
    ],
)
def test_a_route_may_be_put_behind_one_that_takes_its_requests(
    text: str, behind: str | None
) -> None:
    assert diffs.read(text).shadowed == behind
    moved = innocence.judge(change("x", text))
    assert (moved is None) == (behind is not None or "latest" in text)
