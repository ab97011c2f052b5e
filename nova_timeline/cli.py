"""The command line: parse, call, print.

What a command needs is imported by the command. Exit codes: 0 done; 1 done, but something does not
hold (``verify``) or a source is not complete (``--strict``); 2 the request was wrong; 3 the run
failed.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nova_timeline.arguments import parser
from nova_timeline.stopping import stoppable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Container, Generator, Sequence

    from rich.console import Console

    from nova_timeline.attempts import Progress
    from nova_timeline.engine import Choice
    from nova_timeline.model import Incident
    from nova_timeline.timeline import Timeline

DONE, NOT_WHOLE, WRONG, FAILED = 0, 1, 2, 3
STOPPED, TERMINATED = 130, 143
"""What shells say of programs that SIGINT or SIGTERM ended."""
_PIPED_WIDTH, _PIPED_TABLE = 120, 240


class _Stopped(KeyboardInterrupt):
    """A command was stopped, and has more to say of it than that."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may not know every letter
    given = parser(_CALLS).parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = given.command
    came = set[int]()
    try:
        with stoppable(came):
            code = command(given)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has had enough; say nothing more, at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except _Stopped as stop:
        return _stopped(str(stop), came)
    except BaseException as error:
        if came or isinstance(error, KeyboardInterrupt):
            return _stopped("stopped; nothing was written", came)
        if isinstance(error, Exception):
            return _failed(error)
        raise
    return code


def _failed(error: Exception) -> int:
    """Say what went wrong, and by the exit code whose fault it is."""
    from nova_timeline.errors import EngineError, NovaTimelineError, RunFolderError, TransientError

    if isinstance(error, (EngineError, TransientError)):
        return _refused(str(error), FAILED)
    if isinstance(error, RunFolderError) and isinstance(error.__cause__, OSError):
        return _refused(str(error), FAILED)
    if isinstance(error, NovaTimelineError):
        return _refused(str(error), WRONG)
    if isinstance(error, (OSError, MemoryError)):
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        more = "; make room there, or name another folder with --out" if full else ""
        return _refused(f"the run failed: {error}{more}", FAILED)
    import traceback

    traceback.print_exception(error)
    return _refused("the run failed, by a fault of this program; please report it", FAILED)


def _refused(message: str, code: int) -> int:
    from nova_timeline.wording import printable

    told = "\n".join(map(printable, message.split("\n")))  # it may quote a log
    print(f"nova-timeline: {told}", file=sys.stderr)
    return code


def _stopped(message: str, came: Container[int]) -> int:
    """Say that Ctrl-C or SIGTERM ended it, and make sure that the exit code says so too."""
    # Where Ctrl-C came while a text was being compiled and run (dataclasses do that), Python keeps
    # in mind that nobody handled it, and ends `python -m` by the signal whatever code is asked for.
    # To run another text is what makes it forget.
    exec("")  # noqa: S102
    return _refused(message, TERMINATED if signal.SIGTERM in came else STOPPED)


def _console(*, error: bool = False) -> Console:
    from rich.console import Console

    class Quiet(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # for `main`; rich would exit 1

    console = Quiet(stderr=error, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    return console


def _reconstruct(given: argparse.Namespace) -> int:
    from nova_timeline import config

    return _made(given, config.Incident.load(given.incident))


def _demo(given: argparse.Namespace) -> int:
    from nova_timeline import config
    from nova_timeline.errors import IncidentFileError

    bundled = Path(__file__).resolve().parents[1] / "fixtures" / "checkout-outage" / "incident.toml"
    if not bundled.is_file():
        msg = (
            "the bundled incident comes with the source, not with the wheel; run this in a checkout"
        )
        raise IncidentFileError(msg)
    return _made(given, config.Incident.load(bundled))


def _made(given: argparse.Namespace, incident: Incident) -> int:
    """Reconstruct, save, print; say by the exit code whether all could be seen."""
    from nova_timeline import run_folder

    run_folder.vacant(given.out)
    timeline = _run(given, incident)
    run: Path | None = None
    try:
        try:
            run = timeline.save(given.out)
        finally:
            timeline.discard()
        _print(given, timeline)
    except KeyboardInterrupt as stop:
        if run is None:
            raise
        msg = f"stopped; the run is whole: {run}"
        raise _Stopped(msg) from stop
    whole = all(c.state == "complete" for c in timeline.coverage)
    return NOT_WHOLE if given.strict and not whole else DONE


def _print(given: argparse.Namespace, timeline: Timeline) -> None:
    from nova_timeline import document, terminal

    if given.json:
        sys.stdout.buffer.write(document.dumps(timeline.findings))
    else:
        terminal.summary(_console(), timeline.findings, given.out)


def _run(given: argparse.Namespace, incident: Incident) -> Timeline:
    from nova_timeline import engine
    from nova_timeline.pipeline import reconstruct

    choice = _choice(given)
    with (
        _progress("reading") as told,
        engine.opened(choice, engine.size_of(incident), told) as here,
    ):
        return reconstruct(
            incident,
            engine=here,
            memory_limit=choice.memory_limit,
            out=given.out,
        )


def _choice(given: argparse.Namespace) -> Choice:
    from nova_timeline.engine import Choice

    return Choice(
        given.engine, given.workers, given.ray_address, given.memory_limit, given.ray_from
    )


@contextmanager
def _progress(doing: str) -> Generator[Progress]:
    """Draw a bar on stderr, where that is a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = _console(error=True)
    columns = TextColumn(doing), BarColumn(), MofNCompleteColumn()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(doing, total=None)

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield told


def _batch(given: argparse.Namespace) -> int:
    from nova_timeline import batch

    try:
        with _progress("incidents") as told:
            found = batch.run(given.folder, given.out, _choice(given), told)
    except KeyboardInterrupt as stop:
        msg = "stopped; the same command goes on from what is done"
        raise _Stopped(msg) from stop
    if given.json:
        import json

        print(json.dumps([o.as_row() for o in found], indent=1))
    else:
        console = _console()
        if not console.is_terminal:
            console.width = _PIPED_TABLE
        console.print(batch.table(found))
    for outcome in found:
        if outcome.error:
            _refused(f"{outcome.incident} failed: {outcome.error}", FAILED)
    if any(o.state == "failed" for o in found):
        return FAILED
    return NOT_WHOLE if given.strict and not all(o.complete for o in found) else DONE


def _verify(given: argparse.Namespace) -> int:
    from dataclasses import asdict

    from nova_timeline.verify import verify

    found = verify(given.run, given.base)
    if given.json:
        import json

        print(json.dumps(asdict(found) | {"holds": found.holds}))
        return DONE if found.holds else NOT_WHOLE
    from nova_timeline.wording import counted, printable

    for note in found.notes:
        print(f"note: {printable(note)}", file=sys.stderr)
    for failure in found.failures:
        print(f"does not hold: {printable(failure)}")
    wrong = counted(len(found.failures), "thing does", "things do")
    verdict = "everything holds" if found.holds else f"{wrong} not hold"
    print(
        f"{verdict}: {found.citations} citations, {found.records} records, "
        f"{found.sources} source files, {found.outputs} run files"
    )
    return DONE if found.holds else NOT_WHOLE


def _explain(given: argparse.Namespace) -> int:
    from functools import partial

    from nova_timeline import around, explanation
    from nova_timeline.errors import RunError
    from nova_timeline.timeline import Timeline

    timeline = Timeline.open(given.run)

    def raw(cite: str) -> bytes | None:
        try:
            return timeline.evidence(cite).raw
        except RunError:
            return None

    nearby = partial(around.logged, given.run, timeline.clocks)
    explanation.explain(_console(), timeline.findings, given.moment, raw, nearby)
    return DONE


def _report(given: argparse.Namespace) -> int:
    from nova_timeline import report
    from nova_timeline.timeline import Timeline

    timeline = Timeline.open(given.run)
    page = given.run / "report.html"
    text = report.render(timeline.findings).encode()
    if not page.is_file() or page.read_bytes() != text:
        # A newer version may draw it otherwise; the run itself stays as it was sealed.
        whole = given.run.resolve()
        page = whole.with_name(f"{whole.name}-report.html")
        page.write_bytes(text)
    print(page)
    return DONE


def _draft(given: argparse.Namespace) -> int:
    from nova_timeline import postmortem
    from nova_timeline.timeline import Timeline

    text = postmortem.draft(Timeline.open(given.run).findings).to_markdown()
    sys.stdout.buffer.write(text.encode())
    return DONE


def _connectors(given: argparse.Namespace) -> int:
    from nova_timeline import connector

    names = [given.name] if given.name else connector.available()
    width = max(map(len, names))
    for name in names:
        kind = connector.load(name)
        print(f"{name:<{width}}  {kind.summary}")
        if not given.name:
            continue
        print(f"  files in a folder: {', '.join(kind.globs)}")
        own = "and these" if kind.options else "and no others"
        print(f"  options: path, name and entity, as every source, {own}")
        for key, option in kind.options.items():
            fixed = f" ({' | '.join(option.choices)})" if option.choices else ""
            default = "" if option.default is None else f" [{option.default}]"
            print(f"  {key:<16} {option.type.__name__:<5} {option.help}{fixed}{default}")
    return DONE


def _sql(given: argparse.Namespace) -> int:
    import polars as pl

    from nova_timeline import sql
    from nova_timeline.wording import counted, printable

    table = sql.query(given.run, given.query)
    if given.json:
        for line in sql.json_lines(table):
            print(line)
        return DONE
    frame = pl.DataFrame(sql.texts(table))
    with pl.Config(
        tbl_rows=200,
        tbl_cols=-1,
        fmt_str_lengths=80,
        tbl_width_chars=-1,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
    ):
        for line in str(frame).splitlines():
            print(printable(line))
    print(counted(len(frame), "row"), file=sys.stderr)
    return DONE


_CALLS: dict[str, Callable[[argparse.Namespace], int]] = {
    "reconstruct": _reconstruct,
    "batch": _batch,
    "verify": _verify,
    "explain": _explain,
    "report": _report,
    "draft": _draft,
    "connectors": _connectors,
    "sql": _sql,
    "demo": _demo,
}
