r"""Rule packs: what the field knows about single records, as data.

Each ``*.toml`` file in this folder is one domain. A rule gives a record its kind, role, category
and title::

    [[rule]]
    id = "containers.oom-kill"             # domain.name
    kind = "health"                        # schema.KINDS
    role = "fault"                         # schema.ROLES
    category = "resource_exhaustion"       # schema.CATEGORIES
    severity = 17                          # optional: raises severity_number to at least this
    symptom = true                         # optional: it tells that something fails, not what for
    lasts = true                           # optional: it goes on though nothing more is said
    unstarted = true                       # optional: what it befalls has not run yet
    entity = "{attributes.service}"        # optional: whom it is about, when a column knows better
    title = "{entity} was killed for lack of memory[: {attributes.process}]"

    [[rule.when]]                          # any of these; inside one, every test must hold
    event_name = ["fe6faa94e7774663a0da52717891d8ef"]   # text or list: equal, ignoring case
    [[rule.when]]
    source = "journald"                    # the connector
    body = { contains = ["Out of memory: Killed process"], regex = "Killed process \d+" }
    severity_number = { min = 13 }

    [rule.sample]                          # a record that proves it; a test reads and classifies it
    use = "journald"
    name = "sample.json"
    text = '''{"__REALTIME_TIMESTAMP": ...}'''
    options = {}                           # optional connector options

A test is a text or a list of texts (equal, ignoring case), or a table whose tests must all hold:

========  =========================================================================================
contains  any of these words, ignoring case. In a body they are looked for all at once, so a word
          there is ASCII and has seven letters or more, and a ``regex`` on a body has one beside it
without   none of these words
regex     Rust syntax, no lookaround; ``(?i)`` to ignore case
prefix    begins (``suffix``: ends) with any of these, ignoring case
min, max  of ``severity_number`` or of an attribute that is a number
present   true or false
========  =========================================================================================

Columns are those of the event table, ``attributes.NAME``, and ``source`` for the connector's name.
Every ``[[rule.when]]`` needs an ``event_name`` or a ``body`` with words, so that no row is looked
at in vain. A missing value fits no test but ``without`` and ``present = false``.

A body is only searched for words in rows whose ``kind`` is still ``log``, unless the rule asks for
a kind itself: the parameters of an API call are no message.

In a title, ``{column}`` and ``{attributes.NAME}`` are filled in. What may be missing stands in
``[ ]`` with the words around it and is left out whole when it is; only ``{entity}``,
``{event_name}`` and ``{body}`` may stand outside.

Rules are tried in the order of the file names and of the file; the first that fits wins, so
``unspecific.toml`` comes last and takes what no domain claims. A rule never makes a plain log of a
change: where a rule leaves out kind, role or category the connector's own stay. A plain log line is
a fault only with a severity of WARN (13) or more, or in words that cannot mean anything else: a
quiet night must stay quiet. A rule about API calls asks ``role = "change"``, which connectors give
to calls that succeeded, so that a refused call changes nothing.

Two files are no packs: ``triggers.toml``, what breaks things from outside, and ``limits.toml``,
what values of metrics say by themselves. Nor is the folder ``hazards``: what kinds of change break
what, a file an area. Each says at its head how it is read, ``hazards/general.toml`` for its folder.

To add a rule: write it with its sample into the pack of its domain and run
``pytest tests/test_knowledge.py -k your-rule-id``.
"""

from ._classify import classify, classify_by
from ._hazards import Hazard, Test, Trigger, hazards, plain, read_hazards, read_triggers, triggers
from ._limits import Limit, limits, read_limits
from ._rules import Case, Check, Piece, Rule, Sample, lasting, read, rules, symptoms, unstarted

__all__ = [
    "Case",
    "Check",
    "Hazard",
    "Limit",
    "Piece",
    "Rule",
    "Sample",
    "Test",
    "Trigger",
    "classify",
    "classify_by",
    "hazards",
    "lasting",
    "limits",
    "plain",
    "read",
    "read_hazards",
    "read_limits",
    "read_triggers",
    "rules",
    "symptoms",
    "triggers",
    "unstarted",
]
