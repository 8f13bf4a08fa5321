"""The message of an incident as Slack shows it: what happened, what is asked, and buttons to answer.

Everything that came in with an alert or stood in a log is escaped, and Slack is told to make no link or
mention of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConfirmObject,
    ContextBlock,
    HeaderBlock,
    MarkdownTextObject,
    PlainTextObject,
    SectionBlock,
)

from activities.notify.wording import fitted, for_slack, one_line, paragraph
from models.incident.announcement import Announcement, Link
from models.telling.in_short import Choice, InShort

LONGEST_HEADER, LONGEST_TEXT = 150, 3000
"""Characters that Slack takes."""
_LONGEST_FIELD, _LONGEST_PLAN, _LONGEST_LIST = 200, 900, 1200
"""Characters of a part. Slack takes 3000 in each, but only some 13,000 in a whole message."""
_LONGEST_LINE = 200
_LONGEST_CONFIRM = 300
_HALF_ESCAPE = re.compile(r"&[a-z]{0,4}…")
MOST_CHOICES = 5
"""Plans with a button of their own; the others are on the incident's page."""
MOST_LINES = 12

APPROVE, DENY, ACKNOWLEDGE = "approve", "deny", "acknowledge"
"""How the actions of the buttons begin."""


def root(announcement: Announcement, shown: InShort, *, buttons: bool) -> list[dict[str, Any]]:
    """The message that is edited as the incident goes on."""
    blocks: list[Block] = [HeaderBlock(text=_plain(shown.title, LONGEST_HEADER))]
    if shown.dry_run:
        blocks.append(_text("*Dry run:* nothing is done, whatever is answered."))
    blocks.append(SectionBlock(fields=[_mrkdwn(one, _LONGEST_FIELD) for one in _facts(announcement, shown)]))
    if shown.outcome:
        blocks.append(_text(_said(shown.outcome), _LONGEST_PLAN))
    if shown.said:
        blocks.append(_text(f"*The alert says*\n{_said(shown.said)}", _LONGEST_PLAN))
    for name, lines in (("Found", shown.found), ("Done", shown.done)):
        if lines:
            blocks.append(_text("\n".join((f"*{name}*", *_listed(lines))), _LONGEST_LIST))
    blocks += _question(announcement, shown, buttons=buttons)
    blocks += _links(announcement.links)
    return [block.to_dict() for block in blocks]


def reply(announcement: Announcement) -> list[dict[str, Any]]:
    """What stands in the thread: the message itself, then what happened since the last one."""
    blocks: list[Block] = []
    if announcement.text:
        title = _said(one_line(announcement.title, LONGEST_HEADER)).replace("*", "")
        blocks.append(_text(f"*{title}*\n{_said(paragraph(announcement.text, LONGEST_TEXT))}"))
    happened = announcement.in_short.happened if announcement.in_short else ()
    lines = list(_listed(happened[-MOST_LINES:]))
    if (more := len(happened) - len(lines)) > 0:
        lines.insert(0, f"• {more} lines before are on the incident's page")
    if lines:
        blocks.append(_text("\n".join(lines)))
    return [block.to_dict() for block in blocks]


def plain(announcement: Announcement) -> list[dict[str, Any]]:
    """A message that is about no open incident."""
    title = _said(one_line(announcement.title, LONGEST_HEADER)).replace("*", "")
    text = _said(paragraph(announcement.text, LONGEST_TEXT))
    return [one.to_dict() for one in (_text(f"*{title}*\n{text}"), *_links(announcement.links))]


def value_of(announcement: Announcement, plan: str) -> str:
    """What a button sends: which incident, and which exact plan."""
    of = {"incident": announcement.incident, "run": announcement.run_id, "plan": plan}
    return json.dumps(of, separators=(",", ":"))


def _facts(announcement: Announcement, shown: InShort) -> Iterator[str]:
    alert, _, service = announcement.incident.partition("/")
    yield f"*What*\n{_said(alert)}"
    yield f"*Where*\n{_said(service)}"
    yield f"*Since*\n{_clock(shown.since)}"
    yield f"*Now*\n{_said(shown.phase)}, {announcement.severity.value}"
    if shown.cause:
        yield f"*Cause*\n{_said(shown.cause)}"
    if shown.acknowledged_by:
        yield f"*With*\n{_said(shown.acknowledged_by)}"
    elif shown.next:
        yield f"*Next*\n{_said(shown.next)}"


def _question(announcement: Announcement, shown: InShort, *, buttons: bool) -> Iterator[Block]:
    if shown.choices:
        yield _text(_asked(announcement, shown))
    for place, choice in enumerate(shown.choices[:MOST_CHOICES]):
        recommended = " (recommended)" if choice.recommended and len(shown.choices) > 1 else ""
        named = f"*Plan {choice.digest}{recommended}: {_said(choice.says)}*"
        yield _text(f"{named}\n{_said(choice.details)}", _LONGEST_PLAN)
        if buttons:
            yield ActionsBlock(elements=[_approve(announcement, choice, place)])
    if not buttons or shown.outcome:
        return
    answers = []
    if shown.choices:
        digest = shown.choices[0].digest
        answers.append(_button("Deny", DENY, value_of(announcement, digest), style="danger"))
    if not shown.acknowledged_by:
        answers.append(_button("Acknowledge", ACKNOWLEDGE, value_of(announcement, "")))
    if answers:
        yield ActionsBlock(elements=answers)


def _asked(announcement: Announcement, shown: InShort) -> str:
    until = f" until {_clock(shown.until)}; after that nothing is done" if shown.until else ""
    count = len(shown.choices)
    what = "Approve this plan?" if count == 1 else f"Which of these {count} plans?"
    more = f" {count - MOST_CHOICES} more are on the incident's page." if count > MOST_CHOICES else ""
    return f"*{what}* An answer counts{until}.{more}"


def _approve(announcement: Announcement, choice: Choice, place: int) -> ButtonElement:
    asks = one_line(f"Plan {choice.digest}: {choice.says}", _LONGEST_CONFIRM)
    confirm = ConfirmObject(
        title=PlainTextObject(text="Approve this plan?", emoji=False),
        text=PlainTextObject(text=f"{announcement.incident}. {asks}"[:_LONGEST_CONFIRM], emoji=False),
        confirm=PlainTextObject(text="Approve", emoji=False),
        deny=PlainTextObject(text="Cancel", emoji=False),
    )
    value = value_of(announcement, choice.digest)
    return _button(f"Approve {choice.digest}", f"{APPROVE}:{place}", value, "primary", confirm)


def _button(
    says: str, action: str, value: str, style: str | None = None, confirm: ConfirmObject | None = None
) -> ButtonElement:
    text = PlainTextObject(text=says, emoji=False)
    return ButtonElement(text=text, action_id=action, value=value, style=style, confirm=confirm)


def _links(links: Iterable[Link]) -> list[Block]:
    shown = "  ·  ".join(
        f"<{for_slack(one.address).replace('|', '%7C')}|{for_slack(one.says)}>" for one in links
    )
    return [ContextBlock(elements=[MarkdownTextObject(text=shown, verbatim=True)])] if shown else []


def _listed(lines: Iterable[str]) -> Iterator[str]:
    return (f"• {_said(one_line(line, _LONGEST_LINE))}" for line in list(lines)[:MOST_LINES])


def _text(mrkdwn: str, most: int = LONGEST_TEXT) -> SectionBlock:
    return SectionBlock(text=_mrkdwn(mrkdwn, most))


def _mrkdwn(text: str, most: int) -> MarkdownTextObject:
    """`verbatim`: no name or address in it becomes a mention or a link."""
    return MarkdownTextObject(text=_whole(text, most), verbatim=True)


def _whole(escaped: str, most: int) -> str:
    """Cut without half an escape where it is cut."""
    if len(escaped) <= most:
        return escaped
    return _HALF_ESCAPE.sub("…", fitted(escaped, most))


def _plain(text: str, most: int) -> PlainTextObject:
    return PlainTextObject(text=one_line(text, most), emoji=False)


def _said(text: str) -> str:
    return for_slack(paragraph(text, LONGEST_TEXT))


def _clock(at: datetime) -> str:
    """In the reader's own time zone, as Slack writes it."""
    utc = at.astimezone(UTC)
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time_secs}}|{utc:%Y-%m-%d %H:%M:%S} UTC>"
