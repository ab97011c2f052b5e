"""The beginning of a raw record, as lines that can be printed."""

from __future__ import annotations

from nova_timeline.wording import counted, printable

_RAW_BYTES = 1_500
_RAW_LINES = 24
_HEX_BYTES = 256
_HEX_WIDTH = 16
_ASCII = range(0x20, 0x7F)


def excerpt(record: bytes) -> list[str]:
    """Return the beginning of a raw record as printable lines; binary as offset, hex and ASCII."""
    try:
        lines = record.decode().splitlines()
    except UnicodeDecodeError:
        return _hex(record)
    if b"\0" in record:
        return _hex(record)
    text = "\n".join(printable(line) for line in lines)
    shown = text[:_RAW_BYTES].splitlines()[:_RAW_LINES]
    left = len(text) - len("\n".join(shown))
    return [*shown, f"... {counted(left, 'more character')}"] if left > 0 else shown


def _hex(record: bytes) -> list[str]:
    lines: list[str] = []
    for start in range(0, min(len(record), _HEX_BYTES), _HEX_WIDTH):
        part = record[start : start + _HEX_WIDTH]
        letters = "".join(chr(byte) if byte in _ASCII else "." for byte in part)
        lines.append(f"{start:08x}  {part.hex(' '):<{3 * _HEX_WIDTH}} {letters}")
    left = len(record) - _HEX_BYTES
    return [*lines, f"... {counted(left, 'more byte')}"] if left > 0 else lines
