"""What machines, stores and clouds write once about what befell them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.scenario import Line, WindowsEvent, dice
from fixtures.scenario_hosts import OUT_OF_MEMORY, RESTART_SCHEDULED, UNIT_FAILED, UNIT_STARTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .case import Case
    from .plan import Notice

_SECOND = 1_000_000_000
_SCM = "Service Control Manager"
UNIT_STOPPED = "9d1aaa27d60140bd96365438aad20286"
_KERNEL: Mapping[str, str] = {"unit": "", "identifier": "kernel", "transport": "kernel"}
_MANAGER: Mapping[str, str] = {"unit": "init.scope", "identifier": "systemd"}

PROVIDER = "provider"
"""Stands for a change where a record is what the provider says of its own trouble."""


def since(case: Case, notice: Notice) -> int:
    """Say when a provider's trouble began, as it tells, in ns."""
    return case.start + int(notice.about["since"]) * _SECOND


def database(what: str, lasting: float) -> Iterator[tuple[float, str, str]]:
    """Yield seconds after, level and text of what PostgreSQL logs."""
    if what == "db_restart":
        yield 0.0, "LOG", "received fast shutdown request"
        yield 0.4, "LOG", "database system is shut down"
        yield 3.1, "LOG", "database system is ready to accept connections"
        return
    yield 0.0, "LOG", "server process (PID 4312) was terminated by signal 11: Segmentation fault"
    yield 0.1, "LOG", "terminating any other active server processes"
    yield 0.9, "FATAL", "the database system is in recovery mode"
    yield lasting, "LOG", "database system is ready to accept connections"


def memory(service: str, platform: str) -> tuple[str, str]:
    """Return level and text of how a container is killed for its memory."""
    if platform == "run":
        return "ERROR", (
            "Memory limit of 512 MiB exceeded with 531 MiB used. Consider increasing the memory "
            "limit, see https://cloud.google.com/run/docs/configuring/memory-limits"
        )
    if platform == "containerapp":
        return "ERROR", (
            f"Container '{service}' was terminated with exit code '137' and reason 'OOMKilled'"
        )
    return "ERROR", "java.lang.OutOfMemoryError: Java heap space"


def linux(what: str, host: str, unit: str, time: int) -> Iterator[Line]:
    """Write what a Linux machine's journal says."""
    source = f"journal/{host}"
    about = {**_MANAGER, "about": f"{unit}.service"}
    if what == "oom":
        killed = (
            f"Out of memory: Killed process 2811 ({unit}) total-vm:4893044kB, anon-rss:3502212kB"
        )
        failed = f"{unit}.service: A process of this unit has been killed by the OOM killer."
        again = f"{unit}.service: Scheduled restart job, restart counter is at 1."
        yield Line(time, source, "ERROR", killed, _KERNEL)
        yield Line(time + 40_000_000, source, "WARN", failed, about | {"message_id": OUT_OF_MEMORY})
        failed = f"{unit}.service: Failed with result 'oom-kill'."
        yield Line(time + 90_000_000, source, "WARN", failed, about | {"message_id": UNIT_FAILED})
        yield Line(time + 5 * _SECOND, source, "INFO", again,
                   about | {"message_id": RESTART_SCHEDULED})  # fmt: skip
    elif what == "hardware":
        for after, text in (
            (0, "mce: [Hardware Error]: Machine check events logged"),
            (20_000_000, "EDAC MC0: 1 UE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0"),
        ):
            yield Line(time + after, source, "ALERT", text, _KERNEL)
    elif what == "boot":
        yield Line(time, source, "NOTICE", "Linux version 6.1.0-28-amd64 (debian-kernel)", _KERNEL)
        yield from linux("started", host, unit, time + 19 * _SECOND)
    elif what in ("batch_begins", "batch_ends"):
        job = about | {"about": "warehouse-export.service"}
        begins = what == "batch_begins"
        text = "Started" if begins else "Deactivated"
        ident = UNIT_STARTED if begins else UNIT_STOPPED
        yield Line(time, source, "INFO", f"{text} warehouse-export.service - Nightly export.",
                   job | {"message_id": ident})  # fmt: skip
    else:
        verb = "Stopped" if what == "stopped" else "Started"
        ident = UNIT_STOPPED if what == "stopped" else UNIT_STARTED
        yield Line(time, source, "INFO", f"{verb} {unit}.service - {unit}.",
                   about | {"message_id": ident})  # fmt: skip


def windows(what: str, host: str, service: str, time: int) -> Iterator[WindowsEvent]:
    """Write what a Windows machine's event logs say."""

    def event(
        provider: str, number: int, level: int, *values: str, channel: str = "System"
    ) -> WindowsEvent:
        pairs = tuple((f"param{i}", v) for i, v in enumerate(values, 1))
        data = pairs if provider == _SCM else tuple((None, v) for v in values)
        return WindowsEvent(time, host, channel, provider, number, level, data, None,
                            16384 if provider == _SCM else 0)  # fmt: skip

    if what == "oom":
        yield event("Microsoft-Windows-Resource-Exhaustion-Detector", 2004, 3, f"{service}.exe")
        yield event(_SCM, 7031, 2, service, "1", "5000", "1", "Restart the service")
    elif what == "hardware":
        yield event("Microsoft-Windows-WHEA-Logger", 18, 2, "3", "Machine Check Exception")
    elif what == "boot":
        yield event("EventLog", 6008, 2, "the previous system shutdown was unexpected")
        yield event("Microsoft-Windows-Kernel-Power", 41, 1, "0", "0")
        yield event(_SCM, 7036, 4, service, "running")
    elif what in ("batch_begins", "batch_ends"):
        state = "running" if what == "batch_begins" else "stopped"
        yield event(_SCM, 7036, 4, "Warehouse Export", state)
    else:
        yield event(_SCM, 7036, 4, service, "stopped" if what == "stopped" else "running")


def journal_noise(host: str, seed: int, start: int, seconds: int) -> Iterator[Line]:
    """Write the sessions, timers and harmless complaints of any Linux machine."""
    rng = dice("journal", seed, host)
    second = rng.uniform(0, 200)
    source = f"journal/{host}"
    cron = {"unit": "cron.service", "identifier": "CRON"}
    ssh = {"unit": "ssh.service", "identifier": "sshd"}
    while second < seconds:
        time = start + int(second * 1e6) * 1000
        pick = rng.randrange(4)
        if pick == 0:
            text = "error: kex_exchange_identification: Connection closed by remote host"
            yield Line(time, source, "ERROR", text, ssh)
        elif pick == 1:
            yield from linux("started", host, "logrotate", time)
        else:
            text = "(root) CMD (command -v debian-sa1 > /dev/null && debian-sa1 1 1)"
            yield Line(time, source, "INFO", text, cron)
        second += rng.uniform(90, 420)
