"""What Windows says in English for the events that matter most to operations, and of whom.

An .evtx file holds the values of an event, not its text, which is in a message table of the
provider. ``{1}`` stands for the first value, as ``%1`` does there; ``{Channel}`` for a named one.
Values are put in as they are: a parameter message such as ``%%1053`` stays what it is.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

_SERVICES = "Service Control Manager"
_KERNEL = "Microsoft-Windows-Kernel-General"

MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        f"{_SERVICES}/7000": "The {1} service failed to start due to the following error: {2}",
        f"{_SERVICES}/7001": "The {1} service depends on the {2} service which failed to start "
        "because of the following error: {3}",
        f"{_SERVICES}/7009": "A timeout was reached ({1} milliseconds) while waiting for the {2} "
        "service to connect.",
        f"{_SERVICES}/7011": "A timeout ({1} milliseconds) was reached while waiting for a "
        "transaction response from the {2} service.",
        f"{_SERVICES}/7022": "The {1} service hung on starting.",
        f"{_SERVICES}/7023": "The {1} service terminated with the following error: {2}",
        f"{_SERVICES}/7024": "The {1} service terminated with the following service-specific "
        "error: {2}",
        f"{_SERVICES}/7031": "The {1} service terminated unexpectedly. It has done this {2} "
        "time(s). The following corrective action will be taken in {3} milliseconds: {5}.",
        f"{_SERVICES}/7034": "The {1} service terminated unexpectedly. It has done this {2} "
        "time(s).",
        f"{_SERVICES}/7036": "The {1} service entered the {2} state.",
        f"{_SERVICES}/7040": "The start type of the {1} service was changed from {2} to {3}.",
        f"{_SERVICES}/7045": "A service was installed in the system. Service Name: {1} Service "
        "File Name: {2} Service Type: {3} Service Start Type: {4} Service Account: {5}",
        "Microsoft-Windows-Kernel-Power/41": "The system has rebooted without cleanly shutting "
        "down first. This error could be caused if the system stopped responding, crashed, or "
        "lost power unexpectedly.",
        "User32/1074": "The process {1} has initiated the {5} of computer {2} on behalf of user "
        "{7} for the following reason: {3} Reason Code: {4} Shutdown Type: {5} Comment: {6}",
        "EventLog/6005": "The Event log service was started.",
        "EventLog/6006": "The Event log service was stopped.",
        "EventLog/6008": "The previous system shutdown at {1} on {2} was unexpected.",
        f"{_KERNEL}/1": "The system time has changed to {1} from {2}.",
        f"{_KERNEL}/12": "The operating system started at system time {7}.",
        f"{_KERNEL}/13": "The operating system is shutting down at system time {1}.",
        "Application Error/1000": "Faulting application name: {1}, version: {2}, time stamp: "
        "0x{3} Faulting module name: {4}, version: {5}, time stamp: 0x{6} Exception code: 0x{7} "
        "Fault offset: 0x{8}",
        "Microsoft-Windows-Eventlog/1102": "The audit log was cleared.",
        "Microsoft-Windows-Eventlog/104": "The {Channel} log file was cleared.",
    }
)

SERVICES: Mapping[str, int] = MappingProxyType(
    {
        f"{_SERVICES}/{event}": position
        for event, position in {
            7000: 1,
            7001: 1,
            7009: 2,
            7011: 2,
            7022: 1,
            7023: 1,
            7024: 1,
            7031: 1,
            7032: 3,
            7034: 1,
            7036: 1,
            7040: 1,
            7045: 1,
        }.items()
    }
)
"""Which value of an event names the service that it is about."""

CRASHES = ("Application Error/1000", "Application Hang/1002")
"""Events whose first value is the file name of the program that failed."""

WINDOWS = (
    *("Application", "Application Error", "Application Hang", "Application Management"),
    *(".NET Runtime", ".NET Runtime Optimization Service", "Windows Error Reporting"),
    *("ASP.NET 4.0.30319.0", "Application Popup", "Chkdsk", "COM+"),
    *("Desktop Window Manager", "DiskQuota", "ESENT", "EventSystem", "Group Policy"),
    *("Interactive Services detection", "LoadPerf", "MSDTC", "MSDTC 2", "MsiInstaller"),
    *("PerfDisk", "PerfNet", "PerfOS", "PerfProc", "Perflib", "Profsvc", "RestartManager"),
    *("SceCli", "SceSrv", "SecurityCenter", "SideBySide", "Software Protection"),
    *("SPP", "System Restore", "usbperf", "User Profile Service", "VSS", "VSSAudit", "WerSvc"),
    *(
        "Wininit",
        "Winlogon",
        "WinMgmt",
        "Windows Search Service",
        "Wlclntfy",
        "Wow64 Emulation Layer",
    ),
)
"""Providers of the Application log that are Windows itself, or speak for other programs."""

ALIASES: Mapping[str, str] = MappingProxyType(
    {"Microsoft-Windows-Service Control Manager": _SERVICES, "USER32": "User32"}
)
"""Other spellings of providers, by version of Windows."""


def body(events: pl.DataFrame) -> pl.Series:
    """Take the message that is there, else Windows' text around the values, else the values."""
    import polars as pl

    present = events["known_as"].unique().to_list()
    text = pl.lit(None, pl.String)
    for name in sorted(name for name in present if name in MESSAGES):
        text = pl.when(pl.col("known_as") == name).then(_filled(MESSAGES[name])).otherwise(text)
    listed = pl.when(pl.col("listed").str.len_bytes() > 0).then(": " + pl.col("listed"))
    plain = pl.concat_str("provider", pl.lit(" "), "id", listed.fill_null(""))
    return events.select(pl.coalesce("message", text, plain)).to_series()


def _filled(template: str) -> pl.Expr:
    import re

    import polars as pl

    parts = re.split(r"\{(\w+)\}", template)
    pieces: list[pl.Expr] = []
    for i, part in enumerate(parts):
        if i % 2 == 0:
            pieces.append(pl.lit(part))
        elif part.isdigit():
            pieces.append(pl.col("values").list.get(int(part) - 1, null_on_oob=True).fill_null(""))
        else:
            pieces.append(pl.col(part).fill_null(""))
    return pl.concat_str(pieces)


def program() -> pl.Expr:
    """Name the program of an event in the Application log: who crashed there, or who wrote it."""
    import polars as pl

    values = pl.col("values")
    first = values.list.get(0, null_on_oob=True)
    file = (
        pl.when(pl.col("known_as").is_in(CRASHES))
        .then(first)
        .when(pl.col("known_as") == ".NET Runtime/1026")
        .then(first.str.extract(r"(?m)^\s*Application: (\S.*?)\s*$"))
    )
    windows = pl.col("provider").is_in(WINDOWS)
    other = ~windows & ~pl.col("provider").str.starts_with("Microsoft-")
    writer = pl.when((pl.col("channel") == "Application") & other).then("provider")
    return pl.coalesce(file.str.split("\\").list.last().str.replace(r"(?i)\.exe$", ""), writer)
