"""Words for a blameless draft: names are taken out, and questions are asked about systems.

A postmortem asks how the system let it happen, never who did it (Allspaw, "Blameless PostMortems
and a Just Culture", 2012; Beyer et al., "Site Reliability Engineering", chapter 15).
"""

from __future__ import annotations

import re

_PERSON = "(a person)"
# Where logs put people's names: logins on a machine, mail addresses, JSON keys, IAM users, sessions
# of assumed roles.
_NAMES = (
    re.compile(r"(?P<kept>(?<![\w.+-]))[\w.+-]+(?=@\d{1,3}(?:\.\d{1,3}){3}(?![\w.-]))"),
    re.compile(r"(?P<kept>(?<![\w.+-]))[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    re.compile(
        r"(?P<kept>\"(?:author|committer|user|user_?name|login|caller|assignee|acknowledged_by)\""
        r"\s*:\s*\")[^\"]+",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<kept>\barn:aws[\w-]*:iam::\d*:user/)[^\s\"',]+"),
    re.compile(r"(?P<kept>\barn:aws[\w-]*:sts::\d*:assumed-role/[^/\s\"']+/)[^\s\"',]+"),
)

_QUESTIONS = {
    "code_change": (
        "Which test or canary could have met this code path before all traffic did?",
        "What would have rolled this change back without anyone having to notice?",
    ),
    "config_change": (
        "Which check could have refused this value before it took effect?",
        "Does a configuration change go out in stages, as code does?",
    ),
    "feature_flag": (
        "Could the flag have been turned on for a small share of traffic first?",
        "Which signal would have turned it off again by itself?",
    ),
    "infrastructure_change": (
        "Did the plan of this change show what depends on it?",
        "How is a change to shared infrastructure tried before it is applied?",
    ),
    "scaling": (
        "Which limit was met first, and does anything watch how near it is?",
        "Does scaling take into account what the services behind it can bear?",
    ),
    "dependency": (
        "How does a caller behave while this dependency is slow or away?",
        "Where would a timeout, a circuit breaker or a fallback have kept the fault in one place?",
    ),
    "external_provider": (
        "What can still be served while the provider is away?",
        "How soon does the provider's status reach the people on call?",
    ),
    "resource_exhaustion": (
        "Which gauge showed the resource running out, and at what level does it alert?",
        "What sheds load before the resource is gone?",
    ),
    "hardware": (
        "How many failed hosts does the design bear, and is that tried out regularly?",
        "Why was the loss of one host visible to users?",
    ),
    "network": (
        "Which paths share this part of the network, and is there another one?",
        "Does monitoring see the network from where the users are?",
    ),
    "certificate": (
        "What renews this certificate, and what says so when renewal fails?",
        "How many days before the end does an alert fire?",
    ),
    "traffic": (
        "What keeps one kind of caller from using up what all need?",
        "Which load was the system last shown to bear?",
    ),
    "data": (
        "What checks data on its way in, and before it is used?",
        "How would a bad record be set apart without stopping the rest?",
    ),
}
_ANY = (
    "Which missing signal would have told these causes apart?",
    "What would have kept this fault in one place, whatever its cause?",
)


def without_names(text: str) -> str:
    """Return text with what looks like a person's name in a log taken out.

    >>> without_names("reset by jo.doe@example.com")
    'reset by (a person)'
    >>> without_names("orders/payments@10.8.0.27:51222: refused")
    'orders/(a person)@10.8.0.27:51222: refused'
    """
    for names in _NAMES:
        text = names.sub(rf"\g<kept>{_PERSON}", text)
    return text


def questions(category: str) -> tuple[str, ...]:
    """Return what to ask about the system that let a cause of that category through."""
    return _QUESTIONS.get(category, _ANY)


def categories() -> tuple[str, ...]:
    """Name the categories that have questions of their own."""
    return tuple(_QUESTIONS)
