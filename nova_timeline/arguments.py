"""What the command line takes: commands, options, their help and an example each.

`argparse` is used because it starts five times faster than the alternatives.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_COMMANDS = {
    "reconstruct": "read an incident's sources and write its timeline",
    "batch": "reconstruct every incident of a folder, several at a time",
    "verify": "hold every citation of a run against the store and the sources",
    "explain": "say why a moment is there, or why a cause is ranked where it is",
    "report": "print the path of a run's report, made anew",
    "draft": "print a run's postmortem draft",
    "connectors": "list the connectors, or one connector's options",
    "sql": "ask SQL of a run's tables",
    "demo": "reconstruct the bundled incident",
}
_EXAMPLES = {
    "reconstruct": "nova-timeline reconstruct incident.toml --out run",
    "batch": "nova-timeline batch incidents --out runs",
    "verify": "nova-timeline verify run",
    "explain": "nova-timeline explain run cause:1",
    "report": "nova-timeline report run",
    "draft": "nova-timeline draft run > postmortem.md",
    "connectors": "nova-timeline connectors journald",
    "sql": 'nova-timeline sql run "select entity, count(*) from events group by all"',
    "demo": "nova-timeline demo --out demo-run",
}
_EXIT_CODES = """exit codes:
  0  done
  1  done, but a source is not complete (--strict) or a citation does not hold (verify)
  2  the request was wrong
  3  the run failed"""
_MORE = {
    "reconstruct": """a small incident file; paths are relative to it:
  [incident]
  id = "INC-2041"
  title = "Checkout returns 502s"
  start = 2026-03-03T13:30:00Z
  end = 2026-03-03T15:10:00Z

  [[source]]
  use = "journald"              # 'nova-timeline connectors' lists them
  path = "hosts/*/journal/"     # a file, a folder or a glob

""",
    "sql": """tables: events, metrics, evidence, edges, coverage, moments, links
  'describe events' gives the columns of one

""",
}
"""What the help of a command says before its example."""


def parser(calls: Mapping[str, Callable[[argparse.Namespace], int]]) -> argparse.ArgumentParser:
    """Return the parser; what it gives carries the call of the command that was named."""
    whole = argparse.ArgumentParser(
        prog="nova-timeline",
        description="Correlate logs, deploys, alerts and metrics into a cited incident timeline.",
        epilog=f"{_EXIT_CODES}\n\nexample: nova-timeline reconstruct incident.toml --out run",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = whole.add_subparsers(title="commands", required=True, metavar="COMMAND")
    made = {
        name: commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=f"{_MORE.get(name, '')}example: {_EXAMPLES[name]}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for name, text in _COMMANDS.items()
    }
    for name, command in made.items():
        command.set_defaults(command=calls[name])
    _makes(made)
    _asks(made)
    return whole


def _makes(made: Mapping[str, argparse.ArgumentParser]) -> None:
    """Add what the commands take that make runs."""
    made["reconstruct"].add_argument(
        "incident", type=Path, metavar="INCIDENT.toml", help="the incident file: where to look"
    )
    made["batch"].add_argument(
        "folder",
        type=Path,
        metavar="INCIDENTS",
        help="a folder of incident files, or of folders with an incident.toml each",
    )
    for name, metavar, told in (
        ("reconstruct", "RUN", "the run folder to write"),
        ("batch", "RUNS", "where to write a run folder for each incident; whole ones are kept"),
    ):
        made[name].add_argument("--out", type=Path, required=True, metavar=metavar, help=told)
    made["demo"].add_argument(
        "--out",
        type=Path,
        default=Path("demo-run"),
        metavar="RUN",
        help="the run folder to write (%(default)s)",
    )
    for name in ("reconstruct", "batch", "demo"):
        _how(made[name])
    for name in ("reconstruct", "demo"):
        made[name].add_argument(
            "--json", action="store_true", help="print timeline.json instead of the summary"
        )
    made["batch"].add_argument(
        "--json", action="store_true", help="print JSON instead of the table"
    )


def _asks(made: Mapping[str, argparse.ArgumentParser]) -> None:
    """Add what the commands take that read a run."""
    for name in ("verify", "explain", "report", "draft", "sql"):
        made[name].add_argument(
            "run", type=Path, metavar="RUN", help="a run folder that reconstruct or demo wrote"
        )
    made["explain"].add_argument(
        "moment",
        metavar="MOMENT",
        help="a moment's id, as the summary and timeline.json have it, or cause:1, cause:2, ...",
    )
    made["connectors"].add_argument(
        "name", nargs="?", metavar="NAME", help="the connector whose options are wanted"
    )
    made["sql"].add_argument("query", metavar="QUERY", help="one query, in DuckDB's SQL")
    made["verify"].add_argument(
        "--base", type=Path, metavar="DIR", help="where the incident file's folder is now, if moved"
    )
    for name in ("verify", "sql"):
        made[name].add_argument("--json", action="store_true", help="print JSON")


def _how(command: argparse.ArgumentParser) -> None:
    """Add where and how the work is done."""
    command.add_argument(
        "--engine",
        choices=["auto", "local", "ray"],
        default="auto",
        help="where to work: in this machine's cores, in Ray's workers, or as the size of the "
        "input suggests (%(default)s)",
    )
    command.add_argument(
        "--ray-address",
        metavar="HOST:PORT",
        help="a Ray cluster to join, which sees the same files; by default one is started here",
    )
    command.add_argument(
        "--ray-from",
        type=_size,
        metavar="SIZE",
        help="the size of the sources from which 'auto' takes Ray, started here or joined "
        "(320MiB for each core here, and only a cluster that is named)",
    )
    command.add_argument(
        "--workers", type=_positive, default=0, metavar="N",
        help="how many tasks to work on at a time; one a core by default",
    )  # fmt: skip
    command.add_argument(
        "--memory-limit",
        type=_memory,
        metavar="SIZE",
        help="how much memory to take, such as 1GiB, 800MB or 50%% of what is free (70%%)",
    )
    command.add_argument(
        "--strict", action="store_true", help="exit 1 when a source is not complete"
    )


def _positive(text: str) -> int:
    value = int(text) if text.isdigit() else 0
    if value < 1:
        msg = f"must be a whole number from 1, not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _size(text: str) -> int:
    from nova_timeline import memory

    try:
        return memory.size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _memory(text: str) -> int:
    from nova_timeline import memory

    try:
        return memory.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


class _Version(argparse.Action):
    """Print the version; it is looked up only when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"nova-timeline {version('nova-timeline')}")
        parser.exit(0)
