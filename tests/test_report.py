"""The page: it needs nothing, runs nothing, and shows what the findings say."""

import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nova_timeline.model import Findings
from nova_timeline.report import render, strip
from tests.findings import ABSTAINED, EVERY, FINDINGS, HEALTHY, PLANNED, SCRIPT, WINDOW

CHROMIUM = Path("/usr/bin/chromium")
ALLOWED_LINK = re.compile(r"^(#|https://)")
VOID = {"meta", "br"}


class Page(HTMLParser):
    """The tags of a page, and whether they nest."""

    def __init__(self, text: str) -> None:
        """Parse a whole page."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that must be open."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect what is shown."""
        self.text += data


@pytest.mark.parametrize("findings", EVERY)
def test_a_page_is_well_formed_and_loads_nothing(findings: Findings) -> None:
    page = Page(render(findings))
    assert page.open == []
    names = {name for name, _ in page.tags}
    assert not names & {"script", "img", "iframe", "link", "object", "form", "base", "svg"}
    for _, attributes in page.tags:
        assert not [key for key in attributes if key.startswith("on") or key == "src"]
        assert ALLOWED_LINK.match(attributes.get("href") or "#")
    policies = [a["content"] for _, a in page.tags if "http-equiv" in a]
    assert policies
    assert str(policies[0]).startswith("default-src 'none'; style-src 'unsafe-inline'")


@pytest.mark.parametrize("findings", EVERY)
def test_every_link_within_the_page_leads_somewhere(findings: Findings) -> None:
    page = Page(render(findings))
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {(a.get("href") or "")[1:] for _, a in page.tags if (a.get("href") or "")[:1] == "#"}
    assert targets <= set(ids)


def test_a_page_says_what_happened() -> None:
    text = " ".join(Page(render(FINDINGS)).text.split())
    assert "Connection limit lowered from 400 to 40 (payments-db), confidence 81 %" in text
    assert "2 of 3 sources could not be looked at in full." in text
    assert "17 records without a readable time" in text
    assert "~2026-03-03 13:44:03.000± 40 s order uncertain".replace(" ", "") in text.replace(
        " ", ""
    )
    assert "host:web-1: -1.2 s ± 40 ms" in text
    for moment in FINDINGS.moments[:3]:
        assert moment.title in text


def test_log_text_stays_text() -> None:
    source = render(FINDINGS)
    assert SCRIPT in Page(source).text
    assert "<script" not in source
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", source)


def test_abstaining_and_health_are_said() -> None:
    assert "No change explains the evidence." in Page(render(ABSTAINED)).text
    assert "no evidence that it was reached" in Page(render(ABSTAINED)).text
    healthy = Page(render(HEALTHY)).text
    assert "No incident was found in this window." in healthy
    assert "could not be looked at" not in healthy


def test_planned_work_is_said() -> None:
    said = "Planned, and no incident: orders-db: planned maintenance"
    assert said in " ".join(Page(render(PLANNED)).text.split())
    assert "Planned" not in Page(render(HEALTHY)).text


def test_a_link_that_is_not_https_is_not_a_link() -> None:
    for url, count in (("https://console.example.com/a?b=c", 1), ("javascript:alert(1)", 0)):
        cited = replace(FINDINGS.evidence["e0001"], url=url)
        page = render(replace(HEALTHY, evidence={"e0001": cited}))
        assert page.count("open in the console") == count


def test_the_strip_covers_the_window() -> None:
    found = strip(FINDINGS)
    assert sum(part.seconds for part in found.stretches) == (WINDOW.end - WINDOW.start) / 1e9
    assert [part.phase for part in found.stretches][:2] == ["", "onset"]
    assert found.cause_percent == pytest.approx(12.0)


def test_the_same_findings_are_the_same_page() -> None:
    assert render(FINDINGS) == render(FINDINGS)


@pytest.mark.browser
def test_a_browser_runs_nothing_and_shows_the_moments(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(render(FINDINGS), encoding="utf-8")
    dumped = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        check=True,
        timeout=120,
    ).stdout.decode()
    page = Page(dumped)
    assert "<title>owned" not in dumped
    assert not {name for name, _ in page.tags} & {"script", "img"}
    rows = [attributes for name, attributes in page.tags if name == "tr" and "id" in attributes]
    assert [row["id"] for row in rows] == [moment.id for moment in FINDINGS.moments]
