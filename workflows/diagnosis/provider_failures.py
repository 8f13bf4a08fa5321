"""Who says that an external provider does not serve the service.

Its probe, its circuit in the log, the application's own calls, Sentry and its health check: one of them
is enough, because each sees what the others may not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from models.evidence.evidence import Finding
    from models.service.videos import Videos
    from workflows.diagnosis.situation import Situation

SOMEBODY = "a provider"
"""Which one is not said."""

_CIRCUIT = re.compile(r"(?<!short )(?<!short-)(?<!/)circuit", re.IGNORECASE)
_STATE = re.compile(
    r"(?:\b(?P<never>not|never|can|may|will|would)|\b(?P<past>was|were|being|had been))?"
    r"\s*(?:\b(?:yet|be)\s+)?"
    r"(?P<state>half[-_ ]?open|open(?!ai|(?:ed)?_?at\b|[-_ ]?(?:threshold|timeout|duration))"
    r"(?!s\W+(?:\d|after|when|if))|clos(?:ed|es|e|ing))"
    r"(?:ed|s)?(?P<no>[\"']?\s*[=:]\s*[\"']?(?:false|no|null|none|0)\b)?",
    re.IGNORECASE,
)
"""What is not so, or only may be, is no state; nor is what a setting is called by."""
_A_STORE = re.compile(
    r"postgres|database|prisma|\bsql|\bdb\b|redis|memcache|mongo|kafka|rabbit", re.IGNORECASE
)
_DOES_NOT_SERVE = re.compile(
    r"time[d ]?[- ]?out|ECONN|EAI_AGAIN|ENOTFOUND|socket hang up|refused|reset by|unreachable|unavailable"
    r"|overload|rate.?limit(?!er)|too many requests|queue.{0,4}full|at capacity|circuit|connection|network"
    r"|gateway|API.?(?:connection|status)?.?error|internal server error|(?<!line )\b(?:429|5\d\d)\b",
    re.IGNORECASE,
)
_A_MISTAKE = re.compile(
    r"\b(?:Type|Reference|Syntax|Range|Validation|Value|Key|Attribute|Name|Index|Assertion)Error\b"
    r"(?!: (?:fetch failed|failed to fetch))"
    r"|\b400\b|bad.?request",
    re.IGNORECASE,
)
"""Of the application itself, in what it does with the provider."""
_OUR_CREDENTIALS = re.compile(
    r"\b40[13]\b|unauthori[sz]ed|forbidden|permission|(?:invalid|incorrect|missing|expired).{0,20}(?:key|token)"
    r"|authentication|quota|billing",
    re.IGNORECASE,
)


class ProviderFailure(NamedTuple):
    """One provider, and who says that it does not serve the service."""

    name: str
    says: str
    only_ours: bool = False
    """We get no answer from it, which our own network may be to blame for."""
    only_text: bool = False
    """A text of the service says so, which somebody else may have made it say."""


def provider_failures(now: Situation, since: datetime | None = None) -> tuple[ProviderFailure, ...]:
    """Each that anybody says of. An issue in Sentry and a workflow count only after `since`."""
    return (
        *_by_probe(now),
        *_by_calls(now),
        *_by_log(now),
        *_by_workflows(now, since),
        *_by_sentry(now, since),
        *_by_health(now),
    )


def heard_of(failures: tuple[ProviderFailure, ...]) -> bool:
    """Somebody says it besides us, who may only be cut off from them."""
    return any(not one.only_ours for one in failures)


def only_texts(failures: tuple[ProviderFailure, ...]) -> bool:
    """Only the log or the health check says it, of whatever provider: nothing that is measured agrees."""
    said = [one for one in failures if one.only_text]
    measured = [one for one in failures if not one.only_text]
    names = {one.name for one in measured}
    agrees = any(one.name in names or (names and one.name == SOMEBODY) for one in said)
    return bool(said) and not agrees and all(one.only_ours for one in measured)


def speaks_of(text: str, name: str) -> bool:
    """Whether the name stands in the text as a word of its own: `OpenAIError` and `openai_key` speak of
    `openai`, and `metadata` does not speak of `meta`."""
    begins = r"(?:(?<![A-Za-z0-9])|(?<=[a-z])(?=[A-Z]))"
    return bool(re.search(rf"{begins}(?i:{re.escape(name)})(?![a-z0-9])", text))


def they_serve(now: Situation, failures: tuple[ProviderFailure, ...]) -> bool:
    """The application's own calls of each of them succeed."""
    serving = {one.casefold() for one in now[looks.provider_calls].serving}
    return bool(failures) and all(one.name.casefold() in serving for one in failures)


def _by_probe(now: Situation) -> Iterator[ProviderFailure]:
    for one in now[looks.providers].down:
        yield ProviderFailure(one.name, f"{one.name}: {one.reason}", only_ours=one.status is None)


def _by_calls(now: Situation) -> Iterator[ProviderFailure]:
    for one in now[looks.provider_calls].failing:
        yield ProviderFailure(one.label or SOMEBODY, f"{one.value:.0%} of its own calls to {one.label} fail")


def _by_log(now: Situation) -> Iterator[ProviderFailure]:
    """The newest word of each circuit counts: one that is closed again is no trouble."""
    log = now[looks.recent_logs]
    if not log.has("circuit-open"):
        return
    newest: dict[str, str] = {}
    for line in log.tail:
        if _CIRCUIT.search(line) and (states := _states_in(line)):
            newest[_circuit_of(now, line)] = states[-1]
    sample = log.matches["circuit-open"].sample
    if "circuit" not in sample.lower():  # a pattern of the configuration, in words of its own
        newest.setdefault(_circuit_of(now, sample), "open")
    for name, state in newest.items():
        if name and not state.startswith("clos"):
            yield ProviderFailure(name, f"its log says that the circuit of {name} is open", only_text=True)


def _states_in(line: str) -> list[str]:
    """The states that a line tells of, the newest last; what was, only where it tells of nothing else."""
    told = [one for one in _STATE.finditer(line) if not one["never"] and not one["no"]]
    now = [one for one in told if not one["past"]]
    return [one["state"].lower() for one in now or told]


def _by_workflows(now: Situation, since: datetime | None) -> Iterator[ProviderFailure]:
    """What ended them may be over: a provider that answers well is not blamed for it, nor is one after
    which a workflow of that type completed."""
    well = {one.name for one in now[looks.providers].providers if one.finding is Finding.OK}
    videos = now.service.videos or Videos()
    ended = (
        (one.type, one.error)
        for one in now[looks.generations].types
        if one.completed_at is None and (since is None or one.closed_at > since)
    )
    stuck = ((one.type, one.why) for one in now[looks.open_executions].stuck)
    for workflow_type, error in (*ended, *stuck):
        if not videos.made_by(workflow_type):
            continue
        name = _named(now, error)
        if name and name not in well and _does_not_serve(error):
            yield ProviderFailure(name, f"workflow {workflow_type} names {name}: {error}")


def _does_not_serve(text: str) -> bool:
    """Not so where a store did not, or what was asked was wrong."""
    other = (_OUR_CREDENTIALS, _A_MISTAKE, _A_STORE)
    return bool(_DOES_NOT_SERVE.search(text)) and not any(one.search(text) for one in other)


def _circuit_of(now: Situation, line: str) -> str:
    """Whose circuit it is; empty for that of a database or another store."""
    return _named(now, line) or ("" if _A_STORE.search(line) else SOMEBODY)


def _by_sentry(now: Situation, since: datetime | None) -> Iterator[ProviderFailure]:
    for issue in dict.fromkeys((*now[looks.issues].top, *now[looks.issues].new)):
        text = f"{issue.title} {issue.culprit}"
        name = _named(now, issue.title) or _named(now, issue.culprit, by_host_only=True)
        stands = since is None or issue.last_seen >= since - timedelta(minutes=1)
        if name and stands and _does_not_serve(text):
            yield ProviderFailure(name, f"Sentry names {name}: {issue.title} ({issue.count})")


def _by_health(now: Situation) -> Iterator[ProviderFailure]:
    named = now[looks.health].names if now[looks.health].bad else ()
    for part in named:
        if name := _named(now, part):
            yield ProviderFailure(name, f"its health check names {name}", only_text=True)


def _named(now: Situation, text: str, *, by_host_only: bool = False) -> str:
    """The configured provider that a text names, or whose host stands in it.

    In a path, a name is often one of the service's own routes: there only the host counts.
    """
    for name, provider in now.service.providers.items():
        if re.search(rf"(?<![\w-]){_host_of(provider.url)}(?![\w-]|\.\w)", text, re.IGNORECASE):
            return name
        if not by_host_only and re.search(
            rf"(?<![\w/.]){re.escape(name)}(?![\w/]|\.\w)", text, re.IGNORECASE
        ):
            return name
    return ""


def _host_of(url: str) -> str:
    """A pattern of the host and those beside it: `files.openai.com` belongs to `api.openai.com`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    first, _, domain = host.partition(".")
    if first in ("api", "www", "status") and "." in domain:
        return rf"(?:[\w-]+\.)*{re.escape(domain)}"
    return re.escape(host if first and domain and not first.isdigit() else parts.netloc)
