"""Patches as authors write them: some harmful, some not, none that says so.

Places in braces are filled with a service's names: ``service``, ``callee``, ``field``, ``cls``,
``verb``, ``path``, ``ext`` and ``n``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patch:
    """A commit's message, and the line it changes."""

    message: str
    path: str
    old: str
    new: str

    def diff(self) -> str:
        """Write it as a unified diff."""
        head = f"--- a/{self.path}\n+++ b/{self.path}\n@@ -41,7 +41,7 @@"
        return f"{head}\n-{self.old}\n+{self.new}"


_CODE = "services/{service}/src/{cls}.{ext}"

BUGS: tuple[Patch, ...] = (
    Patch("{service}: read {field} from the new payload", _CODE,
          '    value = body["{field}"] if "{field}" in body else DEFAULT',
          '    value = body["details"]["{field}"]'),
    Patch("{service}: simplify {cls}.{verb}", _CODE,
          "    if item is None or not item.{field}: return fallback(item)",
          "    return self.{verb}(item.{field})"),
    Patch("{service}: drop the legacy branch of /{path}", _CODE,
          '    handlers["{path}"] = legacy_or_new',
          '    handlers["{path}"] = new_handler'),
    Patch("{service}: move {field} to an enum", _CODE,
          "    kind = str(row.{field})",
          "    kind = Kind[row.{field}.upper()]"),
    Patch("{service}: batch the calls to {callee}", _CODE,
          "    for chunk in chunks(ids, 50): out += client.{verb}(chunk)",
          "    out = client.{verb}(ids)[: len(ids)]; first = out[0]"),
)  # fmt: skip
"""Deploys after which some requests raise."""
SLOW: tuple[Patch, ...] = (
    Patch("{service}: show {field} in /{path}", _CODE,
          "    rows = [to_dict(r) for r in found]",
          "    rows = [to_dict(r) | details(r.id) for r in found]"),
    Patch("{service}: stop caching {field} between requests", _CODE,
          "    table = self._{field}_table",
          "    table = load_{field}_table()"),
    Patch("{service}: validate {field} against the full schema", _CODE,
          "    check(body, PARTIAL)",
          "    for part in walk(body): check(part, compile_schema(FULL))"),
)  # fmt: skip
"""Deploys after which each request takes more work."""
CHATTY: tuple[Patch, ...] = (
    Patch("{service}: resolve {field} lazily", _CODE,
          "    found = repo.{verb}_all(ids, with_{field}=True)",
          "    found = [repo.{verb}(i) for i in ids]"),
    Patch("{service}: refresh {field} on every read", _CODE,
          "    entry = self.cache.get(key) or self.fetch(key)",
          "    entry = self.fetch(key)"),
)  # fmt: skip
"""Deploys after which each request asks its database more often."""
LEAKS: tuple[Patch, ...] = (
    Patch("{service}: keep {field} of recent requests for /{path}", _CODE,
          "    RECENT = deque(maxlen=200)",
          "    RECENT: list = []"),
    Patch("{service}: subscribe to {callee} updates per request", _CODE,
          "    bus.subscribe_once(self.on_change)",
          "    bus.subscribe(lambda e: self.on_change(e, request))"),
)  # fmt: skip
"""Deploys after which memory is not given back."""

BENIGN: tuple[Patch, ...] = (
    Patch("{service}: add {field} to the response of /{path}", _CODE,
          '    return {{"id": row.id}}',
          '    return {{"id": row.id, "{field}": row.{field}}}'),
    Patch("{service}: bump http client from 4.2.1 to 4.2.3", "services/{service}/deps.lock",
          "http-client==4.2.1", "http-client==4.2.3"),
    Patch("{service}: rename {cls} internals", _CODE,
          "    def _{verb}_old(self): ...", "    def _{verb}(self): ..."),
    Patch("{service}: retry {callee} with jitter", _CODE,
          "    backoff(base=0.2)", "    backoff(base=0.2, jitter=True)"),
    Patch("{service}: new endpoint /v2/{path}", _CODE,
          "    ROUTES = V1", '    ROUTES = V1 | {{"/v2/{path}": {verb}_v2}}'),
    Patch("{service}: use {cls} for {field} lookups", _CODE,
          "    return lookup({field})", "    return self.{cls}.lookup({field})"),
    Patch("{service}: log {field} when /{path} is rejected", _CODE,
          '    log.warning("rejected")', '    log.warning("rejected", {field}={field})'),
    Patch("{service}: raise the page size of /{path} to {n}", _CODE,
          "    PAGE = 20", "    PAGE = {n}"),
)  # fmt: skip
"""Deploys that change something and break nothing."""
TRIVIAL: tuple[Patch, ...] = (
    Patch("docs: explain how {service} talks to {callee}", "services/{service}/README.md",
          "TODO", "{service} calls {callee} for each /{path}; see the runbook."),
    Patch("{service}: cover {verb} with tests", "services/{service}/tests/test_{verb}.{ext}",
          "", "    assert {verb}(sample) == expected"),
    Patch("{service}: fix a typo in the error text", _CODE,
          '    "could not {verb} {field}s"', '    "could not {verb} {field}"'),
    Patch("ci: cache the build of {service}", ".ci/{service}.yaml",
          "cache: false", "cache: true"),
    Patch("{service}: count {verb} calls", _CODE,
          "    self.{verb}(x)", '    metrics.incr("{verb}"); self.{verb}(x)'),
)  # fmt: skip
"""Changes that no behaviour depends on."""
