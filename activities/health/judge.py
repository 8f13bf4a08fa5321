"""What an answer to a health check means.

Only the service's own trouble is `bad`: 5xx, or its own word. Whatever else it answers shows that
it runs and that the check does not fit it; that is `unknown`, with what to change.
"""

from __future__ import annotations

from datetime import timedelta

from activities.health.body import (
    DEGRADED,
    NOT_WELL,
    YES,
    Reasons,
    content_of,
    decoded,
    is_markup,
    is_starting,
    plain_word,
    reasons,
    yes_or_no,
)
from activities.health.health_seen import HealthKind, HealthSeen
from activities.support.http import Answer, Cut, retry_after, shown
from activities.support.redaction import clean
from models.base import in_bytes, in_words
from models.evidence.evidence import Finding
from models.service.service import HealthCheck

BODY_LIMIT = 64 * 1024
"""Bytes of a health answer that are read; a larger one is not a health answer."""

LONGEST_WAIT = timedelta(minutes=5)
"""Whatever `Retry-After` asks for: by then somebody must have looked again."""

USUAL_WAIT = timedelta(seconds=10)
"""For what is starting, and for who throttles us without saying for how long."""

_SPEAKS_ANOTHER_WAY = (501, 505, 511)
"""5xx that say something of our request, and nothing of the service."""

_CHANGE = {
    400: "correct `health.url`: does the port want https?",
    401: "let the check in without credentials, or point `health.url` at a path that needs none",
    403: "let the check in from this host, or point `health.url` at a path that needs no rights",
    407: "a proxy stands in between: name this host in `NO_PROXY`",
}
_OTHER_PATH = "point `health.url` at the path that tells its health"
_STATUS_ALONE = "set `health.field` to `null` if the status code says enough"


def judge(check: HealthCheck, answer: Answer) -> HealthSeen:
    """The finding of one answer, whatever it is."""
    seen = _of_status(check, answer)
    return seen.model_copy(update={"status": answer.status, "body": seen.body or answer.excerpt})


def _of_status(check: HealthCheck, answer: Answer) -> HealthSeen:
    status = answer.status
    if 200 <= status < 300:
        return _of_success(check, answer)
    if status == 429:
        return _throttled(check, answer)
    if 500 <= status < 600 and status not in _SPEAKS_ANOTHER_WAY:
        return _of_failure(check, answer)
    if answer.location:
        to = clean(answer.location, 200)
        change = f"point `health.url` at where it leads, {to}, if that is its health"
        seen = _does_not_fit(check, answer, f"redirects to {to}", change)
        return seen.model_copy(update={"body": f"redirects to {to}"})
    return _does_not_fit(check, answer, "", _CHANGE.get(status, _OTHER_PATH))


def _of_failure(check: HealthCheck, answer: Answer) -> HealthSeen:
    """5xx: bad, with what its body blames; 503 with `Retry-After` asks us to wait."""
    content = content_of(decoded(answer.body))
    why, word = reasons(content), _word(check, content)
    if is_starting(word) or (not why and is_starting(plain_word(why.says))):
        return _own_word(check, answer, HealthKind.STARTING, word or "", why)
    if answer.status == 503 and retry_after(answer.retry_after) is not None and not why:
        return _throttled(check, answer)
    if why or word in NOT_WELL or word in DEGRADED:
        return _own_word(check, answer, HealthKind.UNHEALTHY_BODY, word or "", why)
    reason = f"answered {answer.status} at {shown(check.url)}"
    return HealthSeen(finding=Finding.BAD, kind=HealthKind.ERROR_STATUS, reason=reason, says=why.says)


def _of_success(check: HealthCheck, answer: Answer) -> HealthSeen:
    if check.field is None:
        return _healthy(check)
    if answer.cut is not None:
        return _cut_short(check, answer, answer.cut)
    content = content_of(decoded(answer.body))
    word, why = _word(check, content), reasons(content)
    if word == YES or (word is not None and word in map(plain_word, check.healthy)):
        return _healthy(check)
    for kind, says_so in (
        (HealthKind.UNHEALTHY_BODY, word in NOT_WELL),
        (HealthKind.DEGRADED, word in DEGRADED),
        (HealthKind.STARTING, is_starting(word)),
    ):
        if says_so:
            return _own_word(check, answer, kind, word or "", why)
    return _does_not_fit(check, answer, *_misfit(check, content))


def _cut_short(check: HealthCheck, answer: Answer, cut: Cut) -> HealthSeen:
    """A good status whose body did not come whole: the service's trouble, or no health answer at all."""
    where = shown(check.url)
    if cut is Cut.TIME:
        late = f"answer not finished within {in_words(check.timeout)} at {where}"
        return HealthSeen(finding=Finding.BAD, kind=HealthKind.TIMED_OUT, reason=late)
    if cut is Cut.BROKEN:
        broke_off = f"the answer broke off in the middle at {where}"
        return HealthSeen(finding=Finding.BAD, kind=HealthKind.RESET, reason=broke_off)
    most = in_bytes(BODY_LIMIT)
    what = f"with more than {most}" if cut is Cut.SIZE else "in an encoding that cannot be read"
    return _does_not_fit(check, answer, what, _OTHER_PATH)


def _word(check: HealthCheck, content: object) -> str | None:
    """The service's word for its state: the whole of a plain text, or the value of the field."""
    if isinstance(content, str):
        return plain_word(content) if len(content) <= 60 and not is_markup(content) else None
    found, value = _value(check.field, content)
    if isinstance(value, bool) and check.field:
        return yes_or_no(check.field, value)
    return plain_word(value) if found else None


def _value(field: str | None, content: object) -> tuple[bool, object]:
    """The value of a field; `data.status` is also the way to one further in."""
    if field is None or not isinstance(content, dict):
        return False, None
    if field in content:
        return True, content[field]
    first, dot, rest = field.partition(".")
    return _value(rest, content.get(first)) if dot else (False, None)


def _misfit(check: HealthCheck, content: object) -> tuple[str, str]:
    """What a good status came with instead of a state, and what to change."""
    if is_markup(content):
        return "with HTML", _OTHER_PATH
    if isinstance(content, str):
        add = "add its text to `health.healthy`, or set `health.field` to `null`"
        return (
            ("with plain text and not with JSON", add) if content else ("with an empty body", _STATUS_ALONE)
        )
    if not isinstance(content, dict):
        return "with JSON that is no object", _STATUS_ALONE
    found, value = _value(check.field, content)
    if not found:
        has = clean(", ".join(map(str, list(content)[:5])), 120) or "none"
        return f"with no field {check.field!r} in its body (it has {has})", "name its own in `health.field`"
    if plain_word(value) is None:
        within = f"name what is in it in `health.field`, such as `{check.field}.NAME`"
        return f"with {check.field} as a structure or null", within
    word = clean(str(value), 60)
    return f"with {check.field} {word}", f"add {word!r} to `health.healthy` if it means well"


def _healthy(check: HealthCheck) -> HealthSeen:
    return HealthSeen(finding=Finding.OK, kind=HealthKind.HEALTHY, reason=f"healthy at {shown(check.url)}")


def _own_word(check: HealthCheck, answer: Answer, kind: HealthKind, word: str, why: Reasons) -> HealthSeen:
    """What the service says of itself, and what it names as the reason."""
    state = f"it says {clean(word, 60)!r}" if word else "it says why"
    named = f", and names {', '.join(why.names)}" if why.names else ""
    said = f": {why.says}" if why.says and plain_word(why.says) != word else ""
    return HealthSeen(
        finding=Finding.BAD if kind is HealthKind.UNHEALTHY_BODY else Finding.UNKNOWN,
        kind=kind,
        reason=f"answered {answer.status} at {shown(check.url)}, and {state}{named}{said}",
        names=why.names,
        says=why.says,
        names_database=why.database,
        look_again_after=USUAL_WAIT if kind is HealthKind.STARTING else None,
    )


def _throttled(check: HealthCheck, answer: Answer) -> HealthSeen:
    asked = retry_after(answer.retry_after)
    wait = None if asked is None else min(asked, LONGEST_WAIT)
    when = f", and asks to come back in {in_words(asked)}" if asked is not None else ""
    return HealthSeen(
        kind=HealthKind.THROTTLED,
        reason=f"throttled: answered {answer.status} at {shown(check.url)}{when}",
        retry_after=wait,
        look_again_after=USUAL_WAIT if wait is None else wait,
    )


def _does_not_fit(check: HealthCheck, answer: Answer, what: str, change: str) -> HealthSeen:
    answered = f"answered {answer.status} at {shown(check.url)}{what and ' '}{what}"
    return HealthSeen(
        kind=HealthKind.DOES_NOT_FIT,
        reason=f"the health check does not fit: {answered}; {change}",
        change=change,
    )
