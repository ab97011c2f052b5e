"""Windows events as XML: ``wevtutil qe /f:xml``, ``/f:RenderedXml``, ``EventRecord.ToXml()``.

The elements stand one after another, or under a root. Windows writes them with neither comments
nor CDATA, so they are cut out by their tags, a column at a time. Schema: Microsoft, "Event Schema".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import evidence
from nova_timeline.connector import Gap, Partition
from nova_timeline.errors import UnreadableSourceError

from ._lines import Records

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from nova_timeline.evidence import Offsets

_OPENING, _CLOSING = b"<Event", b"</Event>"

_ATTRIBUTES = {
    "provider": ("Provider", "Name"),
    "time": ("TimeCreated", "SystemTime"),
    "user": ("Security", "UserID"),
    "pid": ("Execution", "ProcessID"),
    "tid": ("Execution", "ThreadID"),
    "activity": ("Correlation", "ActivityID"),
}
_ELEMENTS = {
    "id": "EventID",
    "version": "Version",
    "level": "Level",
    "task": "Task",
    "opcode": "Opcode",
    "keywords": "Keywords",
    "record_id": "EventRecordID",
    "channel": "Channel",
    "computer": "Computer",
}
_ENTITIES = {
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&apos;": "'",
    "&#13;": "\r",
    "&#xD;": "\r",
    "&#10;": "\n",
    "&#xA;": "\n",
    "&#9;": "\t",
    "&#x9;": "\t",
}
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def records(partition: Partition) -> Records:
    """Find the Event elements.

    Raises:
        UnreadableSourceError: there is none.
    """
    whole = evidence.content(partition.path)
    gaps = [Gap(partition.uri, whole.problem)] if whole.problem else []
    starts, stops, cut = _elements(whole.data)
    if cut:
        gaps.append(
            Gap(
                partition.uri,
                f"{len(cut)} Event elements have no end; the first begins at {cut[0]}",
            )
        )
    if len(starts) == 0 and not cut:
        msg = (
            f"{partition.uri} holds no Windows event: there is no <Event> element in it, as "
            "wevtutil qe /f:xml writes them"
        )
        raise UnreadableSourceError(msg)
    return Records(whole.data, starts, stops, tuple(gaps))


def _elements(data: evidence.Bytes) -> tuple[Offsets, Offsets, list[int]]:
    """Return where Event elements start and stop, and the starts of those that have no end."""
    import numpy as np

    letters = np.frombuffer(data, np.uint8)
    tags = np.flatnonzero(letters == ord("<")).astype(np.int64)

    def begins(tag: bytes) -> Offsets:
        here = (
            tags[tags + len(tag) < len(letters)]
            if tag != _CLOSING
            else tags[tags + len(tag) <= len(letters)]
        )
        for i, letter in enumerate(tag):
            here = here[letters[here + i] == letter]
        return here

    opening, closing = begins(_OPENING), begins(_CLOSING)
    opening = opening[np.isin(letters[opening + len(_OPENING)], list(b" >\t\r\n"))]
    places = np.searchsorted(closing, opening)
    following = np.append(opening[1:], len(letters))
    ends = np.append(closing, len(letters))[places]
    whole = ends < following
    return opening[whole], ends[whole] + len(_CLOSING), opening[~whole].tolist()


def table(raw: pa.Array[Any]) -> pl.DataFrame:
    """Read the columns of `windows_event_log` from Event elements, shape (n,), all as text."""
    import polars as pl

    events = pl.DataFrame({"xml": pl.Series(_text(raw))})
    system = pl.col("xml").str.extract(r"(?s)<System>(.*?)</System>")
    parts = events.with_columns(
        system=system,
        event_data=pl.col("xml").str.extract(r"(?s)<EventData(?:\s[^>]*)?>(.*)</EventData>"),
        user_data=pl.col("xml").str.extract(r"(?s)<UserData(?:\s[^>]*)?>(.*)</UserData>"),
        message=pl.col("xml").str.extract(r"(?s)<RenderingInfo[^>]*>.*?<Message>(.*?)</Message>"),
    )
    columns = {
        name: pl.coalesce(
            pl.col("system").str.extract(rf"<{tag}\s[^>]*?\b{attribute}='([^']*)'"),
            pl.col("system").str.extract(rf'<{tag}\s[^>]*?\b{attribute}="([^"]*)"'),
        )
        for name, (tag, attribute) in _ATTRIBUTES.items()
    }
    columns |= {
        name: pl.col("system").str.extract(rf"<{tag}(?:\s[^>]*)?>([^<]*)</{tag}>")
        for name, tag in _ELEMENTS.items()
    }
    read = parts.select(**columns, message="message").with_columns(pl.all().pipe(_unescaped))
    data = _event_data(parts["event_data"])
    user_data = _user_data(parts["user_data"])
    return read.with_columns(data=data, user_data=user_data)


def _text(raw: pa.Array[Any]) -> Any:
    """Decode UTF-8; a file with anything else in it, in a code page say, is patched with U+FFFD."""
    import pyarrow as pa

    try:
        return raw.cast(pa.large_string())
    except pa.ArrowInvalid:
        texts = [bytes(r.as_buffer()).decode("utf-8", "replace") for r in raw]
        return pa.array(texts, pa.large_string())


def _unescaped(text: pl.Expr) -> pl.Expr:
    """Resolve the entities that Windows writes; the ampersand last, or it would make new ones."""
    found = text.str.replace_many(list(_ENTITIES), list(_ENTITIES.values()))
    return found.str.replace_all("&amp;", "&", literal=True)


def _quoted(text: pl.Expr) -> pl.Expr:
    """Write a value as JSON; control characters that XML cannot hold anyway become blanks."""
    import polars as pl

    escaped = _unescaped(text).str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))
    return pl.concat_str(pl.lit('"'), escaped.str.replace_all(r"[\x00-\x1f]", " "), pl.lit('"'))


def _event_data(content: pl.Series) -> pl.Series:
    """Turn ``<Data Name='a'>x</Data>`` into ``{"a":"x"}``, as the evtx package does."""
    import polars as pl

    pattern = r"<(?:Data|Binary)(?:\s[^>]*)?(?:/>|>[^<]*</(?:Data|Binary)>)"
    items = _items(content, pattern)
    name = pl.coalesce(
        pl.col("item").str.extract(r"^<Data\s[^>]*?Name='([^']*)'"),
        pl.col("item").str.extract(r'^<Data\s[^>]*?Name="([^"]*)"'),
        pl.when(pl.col("item").str.starts_with("<Binary")).then(pl.lit("Binary")),
    )
    value = pl.col("item").str.extract(r">([^<]*)</").fill_null("")
    pairs = items.select("row", name=name, value=_quoted(value))
    named = pairs.filter(pl.col("name").is_not_null())
    bare = pairs.filter(pl.col("name").is_null()).group_by("row").agg("value")
    single = pl.when(pl.col("value").list.len() == 1).then(pl.col("value").list.first())
    listed = single.otherwise("[" + pl.col("value").list.join(",") + "]")
    unnamed = bare.select(
        "row", text=pl.concat_str(pl.lit('"Data":{"#text":'), listed, pl.lit("}"))
    )
    members = named.select(
        "row", text=pl.concat_str(_quoted(pl.col("name")), pl.lit(":"), pl.col("value"))
    )
    return _objects(pl.concat([unnamed, members]), len(content))


def _user_data(content: pl.Series) -> pl.Series:
    """Turn the leaves of the element inside UserData into ``{"Element":{"Leaf":"x"}}``."""
    import polars as pl

    items = _items(content, r"<[\w.:-]+(?:\s[^>]*)?>[^<]*</[\w.:-]+>")
    name = pl.col("item").str.extract(r"^<(?:[\w.-]+:)?([\w.-]+)")
    value = pl.col("item").str.extract(r">([^<]*)</")
    members = items.select("row", text=pl.concat_str(_quoted(name), pl.lit(":"), _quoted(value)))
    inner = _objects(members, len(content))
    outer = content.str.extract(r"<(?:[\w.-]+:)?([\w.-]+)")
    return pl.select(
        pl.concat_str(pl.lit('{"'), outer, pl.lit('":'), inner, pl.lit("}"))
    ).to_series()


def _items(content: pl.Series, pattern: str) -> pl.DataFrame:
    """Return every match with the number of its row, in order."""
    import polars as pl

    found = pl.DataFrame({"item": content.str.extract_all(pattern)}).with_row_index("row")
    return found.explode("item").drop_nulls("item")


def _objects(members: pl.DataFrame, length: int) -> pl.Series:
    """Join the members of each row into a JSON object; a row without any is null."""
    import polars as pl

    joined = members.group_by("row", maintain_order=True).agg(pl.col("text").str.join(","))
    made = pl.DataFrame({"row": pl.arange(0, length, dtype=pl.UInt32, eager=True)})
    text = made.join(joined, on="row", how="left", maintain_order="left")["text"]
    return "{" + text + "}"
