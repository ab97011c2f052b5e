"""What shows that a change cannot have broken anything: where it is, and what it leaves as it was.

Most changes are of that kind: documents, tests, looks, what is logged, code moved about (Hindle et
al., "What do large commits tell us?", MSR 2008, give the kinds). Files say more than titles: anyone
may call a change a tidy-up.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from nova_timeline.knowledge import plain

from . import affinity, extracted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .diffs import Diff
    from .merged import Change
    from .settings import Setting

_PATHS = {
    "documents": r"""\.(md|rst|adoc)$|(^|/)(docs?|documentation|runbooks?)/
        |(^|/)(readme|licen[sc]es?|changelog|notices?|authors|codeowners|contributing)
        ([_-][\w-]+)?(\.(txt|markdown|html?|pdf))?$""",
    "tests": r"""(^|/)(tests?|specs?|__tests__|testdata|fixtures|golden|e2e)/
        |[._-](test|spec|fuzz_test)\.\w+$|(^|/)(test_[^/]*|conftest)\.py$|Tests?\.(java|kt|cs)$""",
    "looks": r"""\.(css|scss|sass|less|styl|svg|png|jpe?g|gif|ico|webp|woff2?|ttf)$
        |(^|/)(theme|colou?rs?|palette|styles?|tokens)\.(ts|js|json|py)$
        |(^|/)(locales?|i18n|translations)/""",
    "how it is built and checked": r"""
        (^|/)\.(github|circleci|gitlab|husky|vscode|idea|ci|buildkite|drone|tekton)/
        |\.gitlab-ci|jenkinsfile|(^|/)(renovate|dependabot)
        |(^|/)\.?(golangci|eslintrc|prettierrc|editorconfig|pre-commit-config|gitignore
        |gitattributes|pylintrc|flake8|rubocop)[^/]*$""",
    "what is watched": r"""(^|/)(dashboards|grafana|alerts|alerting|monitors|recording[-_]rules)/
        [^/]*\.(json|ya?ml|tf|j?sonnet|libsonnet)$""",
    "another environment": r"""(^|[/._-])(staging|stage|dev|development|sandbox|qa|test|preprod
        |local)([/._-].*)?\.(ya?ml|json|tf|tfvars|toml|ini|env|conf)$""",
}
_KINDS = {kind: re.compile(pattern, re.IGNORECASE | re.VERBOSE) for kind, pattern in _PATHS.items()}
_BUILT = "how it is built and checked"
_PUTS_OUT = re.compile(
    r"\b(?:aws|gsutil|gcloud|az|kubectl|helm|helmfile|kustomize|argocd|flux|terraform|tofu|pulumi|cdk"
    r"|rsync|scp|sftp|ssh|wrangler|firebase|flyctl|heroku|serverless|nomad|ansible-playbook"
    r"|psql|mysql|flyway|liquibase|alembic) [-\w]|\b(?:docker|podman|crane|oras) push\b"
    r"|\bmigrate\b|\bpublish\b.*\b(?:s3|gs|oss)://"
)
"""A command by which a pipeline puts something where it runs, or takes it away."""
_MARKUP = re.compile(r"\.(html?|jinja2?|hbs|ejs|tsx|jsx|vue|svelte|mustache|tmpl)$", re.IGNORECASE)
_LOOKS = re.compile(
    r"class(?:Name)?\s*=|style|color|colour|padding|margin|border|font|radius|icon|label|tooltip|title"
    r"|placeholder|image|alt=|^\s*</?\w+[^()]*>?$|^\s*[)}\]>]+\s*$",
    re.IGNORECASE,
)
_LOGS = re.compile(
    r"\b(?:log(?:ger|ging|s|rus)?|LOG(?:GER)?|Log(?:ger)?)\b\s*(?:\.|->|::|\()|\bLOG\w*\s*\(|console\.(?:log|info|warn|error|debug)"
    r"|\bprint(?:f|ln)?\s*\(|\bslog\.|\bzap\.|\.Str\(|\.Msg\(|^\s*\"[\w.]+\"\s*,\s*[\w.()]+,?\)?\s*$|^\s*\)?\s*$",
)
_METRICS = re.compile(
    r"prometheus|histogram|counter|gauge|metric|statsd|\.observe\(|start\w*\s*:?=\s*time\.(?:Now|time|monotonic)\(\)|otel|opentelemetry|span\.|SetAttributes|tracer"
    r"|(?-i:\bName:)|Help:|Buckets:|Labels:|MustRegister|^\s*[)}\]]+\s*,?$",
    re.IGNORECASE,
)
_SAID = re.compile(
    r"""\b(typo|comments?|readme|docs?|documentation|changelog|gofmt|goimports|lint(?:er|ing)?
    |format(?:ting)?|wording|imports|codeowners|css|style|restyle|colou?rs?|palette|tooltip|banner
    |illustration|translations?|tests?|golden[ ]files|histogram|logo|icon|verbosity
    |log(?:ging)?[ ](?:fields?|verbosity|level)|span[ ]attributes|copy[ ](?:change|update))\b""",
    re.IGNORECASE | re.VERBOSE,
)
_PROMISED = re.compile(
    r"^(?:commit \w+: )?(?:docs|test|tests|style|ci)(?:\([^)]*\))?:", re.IGNORECASE
)
_LEVEL = re.compile(
    r"\blog(ging|gers?)? (level|format|fields?|colou?r)|verbosity|\bloglevel"
    # what databases write down of statements that take long
    r"|\blog (min|autovacuum|lock|temp|checkpoints|(dis)?connections|duration|statement|slow)\b"
    r"|\b(slow|long) ?(query|log)( log)? ?(time|threshold|log slower than|slower than)\b"
)
_GIVEN = re.compile(
    r"^\s*(?:(?:const|let|var|val|final)\s+)?(?P<names>\w+(?:\s*,\s*\w+)*)\s*:?=(?!=)"
)
"""A line that gives names to what it works out."""
_GIVEN_WITHIN = re.compile(r"^\s*if \w+(?:\s*,\s*\w+)*\s*:=[^;]*;[^;{]*\{$")
"""The same of names that are known up to the end of its braces only, as Go has it."""
_ASKS = re.compile(
    r"select|count|quer|scan|keys|find|list|all\(|sum\(|sleep|lock|fetch|http", re.IGNORECASE
)
_LOUD = re.compile(r"debug|trace|verbose|\ball\b|silly|finest|^0\D*$", re.IGNORECASE)
_LOOK = re.compile(
    r"banner|greeting|headline|tooltip|colou?r|theme|\blogo|label|placeholder|wording"
)
_GAUGED = re.compile(
    r"(metrics?|telemetry|stats?d?|profil\w+|trac(e|es|ing)) .*(interval|sampl|period|rate|prefix)"
)
_LASTING = re.compile(r"(cookie|session|remember|sign ?in) .*(days?|hours?|age|life|ttl)")
_ROOM = re.compile(
    r"pool|idle|batch|buffer|worker|thread|connection|queue|capacity|replica|memory|cpu"
)
_ABOUT = (
    ("changes only what is logged", _LEVEL),
    ("changes only the words or looks that people see", _LOOK),
    ("changes only what is measured", _GAUGED),
)
_SLIGHT = 1.6
INNOCENT = -0.25
"""What is held against a change by its nature from which on nothing else of it is asked."""
LIBRARY = re.compile(
    r"(?P<name>[A-Za-z][\w.-]*?)(?:/v\d+)?[\"'<>]*\s*(?:[=~><^!:@]=*|\sv|>)\s*[\"'~^>=v]*"
    r"(?P<major>\d{1,9})\.(?P<minor>\d{1,9})(?:\.(?P<patch>\d{1,9}))?"
)
_TAKEN_FROM = re.compile(
    r"""["'][^"']*["']|(?<=from )[\w.]+(?= import)|(?<=^import )(?:static )?[\w.]+(?=\.\w+;?$)"""
)
_TAKES = re.compile(r"^\s*(?:import|from|use|#include|export .* from)\b|\brequire\(")
_SPELT = re.compile(r"[^\W\d_]{2}")  # two letters: a schedule has none
_BRACES = re.compile(r"[\s{};]+")
_PUT_IN = re.compile(r"\$?\{[^{}]*\}")  # what a text is filled in with
_LONG_NAME = 4  # letters; shorter names stand in words that are none
_PROOF = re.compile(
    r"(?<![\w-])_[\w-]*(?:challenge|verif\w*|validation|ownership)|-(?:site|domain)-verification=",
    re.IGNORECASE,
)
"""What a record is called, or holds, by which a provider is shown whose a domain is."""
_ASKED_BY_ALL = re.compile(
    r"v=(?:spf1|dmarc1|dkim1)|_dmarc|_domainkey|_mta-sts|\b(?:AAAA|MX|NS|DS|CAA|SOA|SRV)\b|\bIN\s+A\b",
    re.IGNORECASE,
)
"""What else is in a zone, and asked for by whoever has to do with it."""
_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?")
_MANIFEST = re.compile(
    r"(^|/)(go\.(mod|sum)|package(-lock)?\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?"
    r"|(requirements|constraints)[^/]*\.(txt|lock|in)|(poetry|uv|pdm|conda-lock)\.lock|Pipfile(\.lock)?"
    r"|pyproject\.toml|Cargo\.(toml|lock)|Gemfile(\.lock)?|pom\.xml|build\.gradle\w*|gradle\.lockfile"
    r"|libs\.versions\.toml|Directory\.Packages\.props|packages\.lock\.json|composer\.(json|lock)"
    r"|mix\.(exs|lock)|pubspec\.(yaml|lock)|Podfile(\.lock)?|Package\.resolved)$",
    re.IGNORECASE,
)  # fmt: skip


def judge(change: Change) -> tuple[str, float] | None:
    """Say why a change can hardly have broken anything, and with what weight; None if not so."""
    by_files = _by_files(change.files)
    if by_files and not puts_out(change):
        return f"changes only {by_files}", -0.3
    diff = change.diff
    if diff is not None and (diff.held is not None or diff.swapped):
        return None
    if diff is not None and (
        diff.taken or diff.put or any(a.get("diff") for a in change.attributes)
    ):
        return None if diff.passed_over else _by_diff(diff, change)
    if not change.files and affinity.HARMLESS.search(change.title):
        return "changes only text, looks, documents or tests", -0.25
    if change.diff is None and _MANIFEST.search(" ".join(change.files)):
        return "takes other versions of libraries; which is not known", -0.08
    return _by_settings(change) or _by_promise(change)


def _by_promise(change: Change) -> tuple[str, float] | None:
    """Say that a change is said to be harmless, where its diff does not show it."""
    if change.files and (_SAID.search(change.title) or _PROMISED.search(change.title)):
        return "is said to change only text, looks, tests or what is recorded", -0.12
    return None


def _by_settings(change: Change) -> tuple[str, float] | None:
    """Judge by what the settings that were moved are about, where nothing else was changed."""
    if not change.settings:
        return None
    judged = [_of_setting(s) for s in change.settings]
    if None in judged:
        return None
    return max((j for j in judged if j is not None), key=lambda j: (j[1], j[0]))


def _of_setting(setting: Setting) -> tuple[str, float] | None:
    """Say why a setting's move can hardly have broken anything; None if not so."""
    key = plain(setting.key)
    about = next((says for says, pattern in _ABOUT if pattern.search(key)), None)
    if about is not None:
        loud = _LEVEL.search(key) and _LOUD.search(setting.new)
        return None if loud else (about, INNOCENT)
    ratio = setting.ratio
    if ratio is None:
        return None
    if _LASTING.search(key) and ratio > 1:
        return "lets sign-ins last longer", -0.2
    if 1 < ratio <= _SLIGHT and _ROOM.search(key):
        return "gives a little more room", -0.15
    return None


def is_manifest(files: Iterable[str]) -> bool:
    """Say whether all files only name versions of libraries."""
    found = list(files)
    return bool(found) and all(_MANIFEST.search(f) for f in found)


def libraries(change: Change) -> dict[str, int]:
    """Name the libraries of which a change takes another version, with how far that is.

    Returns:
        Name in small letters -> 0 for a patch, 1 for a minor and 2 for a major version.
    """
    diff = change.diff
    if diff is None or not is_manifest(change.files):
        return {}
    old, new = (_named(lines) for lines in (diff.gone, diff.new))
    return {n: _step(v, new[n]) for n, v in old.items() if n in new and new[n] != v}


def _named(lines: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Read names and versions off lines of a manifest."""
    found = (LIBRARY.search(line) for line in lines)
    return {
        m["name"].casefold(): tuple(int(p or 0) for p in m.group("major", "minor", "patch"))
        for m in found if m is not None and len(m["name"]) >= _LONG_NAME
    }  # fmt: skip


def _by_files(files: tuple[str, ...]) -> str | None:
    """Say what kind all files are of, where none can reach what runs."""
    if not files:
        return None
    kinds = [next((k for k, p in _KINDS.items() if p.search(f)), None) for f in files]
    if all(kinds):
        return " and ".join(dict.fromkeys(k for k in kinds if k))
    looks = [k == "looks" or bool(_MARKUP.search(f)) for k, f in zip(kinds, files, strict=True)]
    return "looks" if all(looks) and "looks" in kinds else None


def puts_out(change: Change) -> bool:
    """Say whether steps of a pipeline were changed that put things where they run.

    What is published, applied or deleted by them is what people are served.
    """
    diff = change.diff
    if diff is None or not any(_KINDS[_BUILT].search(f) for f in change.files):
        return False
    return any(_PUTS_OUT.search(line) for line in (*diff.gone, *diff.new))


def _by_diff(diff: Diff, change: Change) -> tuple[str, float] | None:
    """Judge by what the lines that changed are about, and by what they leave as it was."""
    if not diff.gone and not diff.new:
        return "changes only comments or layout", -0.3
    moved = _moved(diff)
    if moved is not None:
        return moved, -0.25
    if is_manifest(change.files):
        return _bumped(diff)
    same = _as_before(diff) or _only_proves(diff)
    if same is not None:
        return same
    lines = (*diff.gone, *diff.new)
    markup = bool(change.files) and all(_MARKUP.search(f) for f in change.files)
    about = [("what is logged", _LOGS), ("what is measured", _METRICS)]
    about += [("looks", _LOOKS)] if markup else []
    for what, pattern in about:
        if all(pattern.search(line) for line in lines) or _only_for(pattern, diff):
            return f"changes only {what}", -0.25
    return _by_names(diff)


def _only_proves(diff: Diff) -> tuple[str, float] | None:
    """Say that it only puts in records of a name that nothing asks for but who was told it.

    Names that begin with an underscore are no host's (RFC 8552).
    """
    proves = (
        not diff.gone
        and "txt" in diff.new_text.casefold()
        and _PROOF.search(diff.new_text) is not None
        and _ASKED_BY_ALL.search(diff.new_text) is None
    )
    told = "only adds a record that shows whose a domain is, which nobody else asks for"
    return (told, -0.2) if proves else None


def _as_before(diff: Diff) -> tuple[str, float] | None:
    """Say by what other means lines do what they did, apart from what they log."""
    gone, new = ([x for x in side if not _LOGS.search(x)] for side in (diff.gone, diff.new))
    if not gone:
        return None
    if len(gone) + len(new) < len(diff.gone) + len(diff.new) and _unbraced(gone, new):
        return "changes only what is logged", INNOCENT
    if extracted.is_named(gone, new):
        return "only gives a name to what was there", INNOCENT
    if extracted.is_set_from_outside(gone, new):
        return "lets a value be set from outside, with the same where it is not", -0.2
    if extracted.is_listed_elsewhere(gone, new):
        return "keeps a list elsewhere, with the same entries", -0.2
    return None


def _unbraced(gone: Iterable[str], new: Iterable[str]) -> bool:
    """Say whether lines are the same but for braces and layout, as of a branch with a line more."""
    old, now = ("".join(_BRACES.sub("", x) for x in lines) for lines in (gone, new))
    return old == now


def _only_for(pattern: re.Pattern[str], diff: Diff) -> bool:
    """Say whether lines are put in only for what a pattern finds: that, and what they give to it.

    What is asked of a store for the sake of it costs what any question costs.
    """
    within = [line for line in diff.new if _GIVEN_WITHIN.match(line)]
    given = [m["names"] for line in diff.new if (m := _GIVEN.match(line)) is not None]
    names = {n for text in given for n in re.split(r"\W+", text) if n not in ("", "_")}
    there = [line for line in diff.after if pattern.search(line) is None]
    used = sum(len(re.findall(rf"\b{re.escape(n)}\b", line)) for n in names for line in there)
    other = [line for line in diff.new if pattern.search(line) is None]
    return (
        bool(names or within)
        and not diff.gone
        and len(other) < len(diff.new)
        and all((_GIVEN.match(line) or line in within) and not _ASKS.search(line) for line in other)
        and used == len(names)
    )


def _by_names(diff: Diff) -> tuple[str, float] | None:
    """Judge by what lines differ in, where that is only what they say or name."""
    if _only_taken_from(diff):
        return "changes only where code is taken from", -0.12
    if _only_words(diff):
        return "changes only the words of a text or a message", -0.2
    if extracted.is_handled_alike(diff):
        return "reads requests and answers them by other means, with the same answers", -0.2
    return None


def _moved(diff: Diff) -> str | None:
    """Say how it moves lines about, if that is all it does."""
    if diff.is_same:
        return "only moves or lays out anew what was there"
    if diff.is_naming:
        return "only gives a name to what was there"
    if extracted.is_renamed(diff):
        return "only calls what it works on by other names"
    return "only moves lines into a function of their own" if extracted.is_extracted(diff) else None


def _only_taken_from(diff: Diff) -> bool:
    """Say whether lines bring in the same names as before, from files that were moved."""
    if not all(_TAKES.search(line) for line in (*diff.gone, *diff.new)):
        return False
    old, now = (sorted(_TAKEN_FROM.sub("", x) for x in lines) for lines in (diff.gone, diff.new))
    return old == now


def _only_words(diff: Diff) -> bool:
    """Say whether lines differ only within quotes, with nothing that is an address or a name."""
    quoted = re.compile(r"\"[^\"]*\"|'[^']*'")
    gone = sorted(quoted.sub('""', line).strip() for line in diff.gone)
    new = sorted(quoted.sub('""', line).strip() for line in diff.new)
    old, now = ([m for x in lines for m in quoted.findall(x)] for lines in (diff.gone, diff.new))
    put_in = [Counter(p for m in said for p in _PUT_IN.findall(m)) for said in (old, now)]
    return (
        gone == new
        and put_in[0] == put_in[1]
        and any(" " in m.strip("\"' ") and _SPELT.search(m) for m in (*old, *now))
        and not re.search(r"select |://|[/:.]\w+[/:]", " ".join((*old, *now)), re.IGNORECASE)
    )


def _bumped(diff: Diff) -> tuple[str, float]:
    """Judge new versions of libraries by the largest step."""
    old = [tuple(int(p or 0) for p in m) for line in diff.gone for m in _VERSION.findall(line)]
    new = [tuple(int(p or 0) for p in m) for line in diff.new for m in _VERSION.findall(line)]
    steps = [_step(a, b) for a, b in zip(old, new, strict=False)]
    largest = max(steps, default=0)
    if largest == 2:
        return "takes another major version of a library", -0.0
    size = "minor versions" if largest == 1 else "patches"
    return f"takes only {size} of libraries", -0.06 if largest == 1 else -0.12


def _step(old: tuple[int, ...], new: tuple[int, ...]) -> int:
    if old[0] != new[0]:
        return 2
    return 1 if old[1] != new[1] else 0
