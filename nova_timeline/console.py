"""How text is drawn on a terminal: a line, a heading, a moment, a reason.

Rich draws it. Nothing from a log is read as Rich markup or reaches the terminal as an escape: every
text is a `rich.text.Text` that `nova_timeline.wording.printable` has been over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nova_timeline.wording import lead, moment_time, printable, short, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.text import Text

    from nova_timeline.model import Moment, Reason, RootCause

LISTED = 10
"""Items of a list that are shown at most."""


def styled(text: str, style: str = "") -> Text:
    """Make a text that can do nothing to a terminal."""
    from rich.text import Text

    return Text(printable(text), style=style, overflow="fold")


def line(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    """Print one line."""
    from rich.padding import Padding

    console.print(Padding(styled(text, style), (0, 0, 0, indent), expand=False))


def heading(console: Console, title: str) -> None:
    """Print a heading, with room above."""
    console.print()
    line(console, title, "bold underline")


def named(cause: RootCause) -> str:
    """Name a root cause in one line."""
    about = ", ".join(filter(None, (cause.entity, words(cause.category), cause.change_id)))
    what = f"{short(cause.title or cause.entity)} ({about})"
    return f"{what}, score {cause.score:.2f}, confidence {cause.confidence:.0%}"


def told(moment: Moment) -> str:
    """Tell a moment in one line."""
    return f"{moment_time(moment)}  {lead(moment)}{short(moment.title)} ({moment.id})"


def reasons(console: Console, given: Iterable[Reason], *, cited: bool = False) -> None:
    """Print reasons, each with its weight, and with the records that it rests on if ``cited``."""
    for reason in given:
        weight = f"{reason.weight:+.2f}" if reason.weight else "     "
        marks = f"  [{' '.join(reason.evidence)}]" if cited and reason.evidence else ""
        line(console, f"{weight}  {reason.text}{marks}", indent=2)
