"""What a change touched: its files, and its diff, from the lists that hosts of code give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _duck

if TYPE_CHECKING:
    import polars as pl

COLUMNS = ("files", "added", "modified", "removed", "diff", "parents")
"""Columns that hold lists, or text that may begin like one."""

_ENDING = r"\.(?:tf|tfvars|ya?ml|toml|ini|conf|env|env\.[\w-]+|properties)"
_SETTING = rf'"(?:[^"\\]|\\.)*{_ENDING}"'
SETTINGS = rf"(?i)^\[\s*{_SETTING}(?:\s*,\s*{_SETTING})*\s*\]$"
"""Matches a JSON array of file names that are all configuration, Helm values among them."""

_NAME = """CASE WHEN json_type(x) = 'VARCHAR' THEN json_extract_string(x, '$')
    ELSE coalesce(x->>'$.filename', x->>'$.path', x->>'$.new_path', x->>'$.name', x->>'$.file',
                  x->>'$.old_path') END"""
_PATCH = "coalesce(x->>'$.patch', x->>'$.diff')"
# A list of names, or of objects with a name and a patch; one bare name stands for a list of one.
_LIST = """CASE WHEN {0} IS NULL THEN []
    WHEN json_valid({0}) AND ltrim({0})[1] = '[' THEN from_json({0}, '["JSON"]')
    ELSE [to_json({0})] END"""
_QUERY = f"""
SELECT
    CASE WHEN len(names) > 0 THEN CAST(to_json(names) AS VARCHAR) END AS files,
    coalesce(diff, CASE WHEN len(patches) > 0 THEN array_to_string(patches, chr(10)) END) AS diff
FROM (
    SELECT diff,
        list_filter(list_transform(items, lambda x: {_NAME}), lambda n: n IS NOT NULL) AS names,
        list_filter(
            list_transform(items, lambda x: CASE WHEN {_PATCH} IS NOT NULL THEN
                '--- a/' || coalesce({_NAME}, '') || chr(10) || '+++ b/' || coalesce({_NAME}, '')
                || chr(10) || {_PATCH} END),
            lambda p: p IS NOT NULL) AS patches
    FROM (SELECT diff, list_concat(
        {", ".join(_LIST.format(name) for name in COLUMNS[:4])}
    ) AS items FROM texts)
)"""  # noqa: S608


def read(frame: pl.DataFrame) -> list[pl.Series]:
    """Return two columns: the files' names as a JSON array, and the diff as one text.

    A diff given file by file is put together, each part under the names of its file.
    """
    import polars as pl

    texts = frame.select(pl.col(COLUMNS[:5]).cast(pl.String)).to_arrow()
    made = _duck.run(_QUERY, texts)
    return [pl.Series(name, values=made[name]) for name in ("files", "diff")]
