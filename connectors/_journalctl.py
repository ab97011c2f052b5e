"""Run journalctl over one journal file, without ever hanging, and say what went wrong.

The header's layout is systemd's journal-def.h (https://systemd.io/JOURNAL_FILE_FORMAT/).
"""

from __future__ import annotations

import os
import re
import select
import shutil
import struct
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nova_timeline.errors import UnreadableSourceError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

MAGIC = b"LPKSHHRH"

_HEADER = 208  # the oldest header; later ones are longer
_ONLINE = 1  # the state of a file that is being written, or whose writer went away
_PIECE = 16 << 20
_READ = 1 << 20
_PATIENCE = 30.0  # seconds, and one more for each of these bytes
_PACE = 2 << 20


@dataclass(frozen=True, slots=True)
class Header:
    """What a journal file says of itself."""

    entries: int
    length: int
    """How long the file should be, in bytes."""
    first: int
    last: int
    """Receipt of its first and last entry, us since 1970."""
    closed: bool
    """Whether whoever wrote it last closed it."""


def header(path: Path) -> Header:
    """Read a journal file's header.

    Raises:
        UnreadableSourceError: it is no journal, or is cut off inside the header.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER)
    if not head.startswith(MAGIC):
        msg = f"{path.name} is not a journal file: it begins with {head[:8]!r}, not {MAGIC!r}"
        raise UnreadableSourceError(msg)
    if len(head) < _HEADER:
        msg = f"{path.name} is cut off inside its header: it has {len(head)} bytes"
        raise UnreadableSourceError(msg)
    size, arena = struct.unpack_from("<QQ", head, 88)
    [entries] = struct.unpack_from("<Q", head, 152)
    first, last = struct.unpack_from("<QQ", head, 184)
    return Header(entries, size + arena, first, last, head[16] != _ONLINE)


@contextmanager
def whole(path: Path, length: int) -> Generator[Path]:
    """Give a file its full length for as long as it is read; journalctl refuses a shorter one.

    What was cut off is filled with zeros in a copy, so that the entries in front of the cut can be
    had. A length beyond what a journal can have is damage, and is left to journalctl to refuse.
    """
    if path.stat().st_size >= length or length > 1 << 40:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="nova-timeline-") as folder:
        copy = Path(folder, "cut.journal")
        shutil.copyfile(path, copy)
        os.truncate(copy, length)
        yield copy


@dataclass
class Export:
    """One run of ``journalctl -o export``; ``problem`` is known once its pieces are read."""

    path: Path
    arguments: tuple[str, ...] = ()
    problem: str | None = field(default=None, init=False)

    def pieces(self) -> Iterator[bytes]:
        """Yield the output, about 16 MB at a time.

        Raises:
            UnreadableSourceError: journalctl is not installed.
        """
        command = [_program(), f"--file={_escaped(self.path)}", "--output=export", "--all"]
        command += ["--no-pager", "--quiet", *self.arguments]
        patience = _PATIENCE + self.path.stat().st_size / _PACE
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                env=os.environ | {"TZ": "UTC", "LC_ALL": "C"},
            )
            try:
                yield from self._output(process, patience)
            finally:
                process.kill()
                process.wait()
                if process.stdout:
                    process.stdout.close()
            said.seek(0)
            message = said.read(4096).decode(errors="replace").strip()
            self.problem = self.problem or _problem(process.returncode, message)

    def _output(self, process: subprocess.Popen[bytes], patience: float) -> Iterator[bytes]:
        """Collect the output; only the time spent waiting for it counts against the patience."""
        output = process.stdout.fileno() if process.stdout else -1
        held: list[bytes] = []
        size = 0
        while True:
            since = time.monotonic()
            ready, _, _ = select.select([output], [], [], max(patience, 0))
            patience -= time.monotonic() - since
            if not ready:
                self.problem = "journalctl gave no more output and was stopped"
                break
            piece = os.read(output, _READ)
            if not piece:
                self._end(process)
                break
            held.append(piece)
            size += len(piece)
            if size >= _PIECE:
                yield b"".join(held)
                held.clear()
                size = 0
        if held:
            yield b"".join(held)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.problem = "journalctl did not end and was stopped"


def _program() -> str:
    found = shutil.which("journalctl")
    if not found:
        msg = (
            "journal files are read with journalctl, which is not installed here; install systemd, "
            "or run 'journalctl --file FILE -o export > FILE.export' where it is and read that"
        )
        raise UnreadableSourceError(msg)
    return found


def _escaped(path: Path) -> str:
    """Keep journalctl from taking a file's name as a pattern."""
    return re.sub(r"([\\*?\[\]{},])", r"\\\1", str(path.absolute()))


def _problem(code: int, message: str) -> str | None:
    if code == 0:
        return None
    last = message.splitlines()[-1] if message else "it said nothing"
    if code < 0:
        return f"journalctl was ended by signal {-code}: {last}"
    return f"journalctl ended with {code}: {last}"
