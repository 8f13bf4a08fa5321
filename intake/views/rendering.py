"""Pages from templates: whatever an alert or a log says stays text."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import FileSystemLoader
from markupsafe import Markup
from starlette.responses import Response

from models.base import roughly
from models.html import templates
from runtime.past.samples import CHART_STYLE

_HERE = Path(__file__).parent
LOOK = _HERE / "look"
"""The style sheet and the script that every page loads."""
CHART = "chart.css"
"""Of the charts, which bring their own: files of them stand alone elsewhere."""
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
    " img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with none, a browser says no origin of our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "cache-control": "private, no-store",
    "vary": "accept, cookie",
}


def at(moment: datetime) -> Markup:
    """A time in UTC, readable by machines as well."""
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(f"{utc:%FT%TZ}", f"{utc:%Y-%m-%d %H:%M:%S}")


def ago(moment: datetime, now: datetime) -> str:
    """How long something is past: `3 min 12 s ago`."""
    return f"{roughly(now - moment)} ago"


def left(until: datetime, now: datetime, over: str = "over") -> Markup:
    """What is left of a time, which a script counts down; `over` once it is past."""
    rest = until - now
    says = f"in {roughly(rest)}" if rest > timedelta() else over
    return Markup('<time class="left" data-over="{}" datetime="{}">{}</time>').format(
        over, f"{until.astimezone(UTC):%FT%TZ}", says
    )


def path_of(incident: str) -> str:
    """Where the page of an incident is."""
    return f"/incidents/{quote(incident, safe='/@')}"


@cache
def content_of(name: str) -> bytes:
    """A file of the look."""
    return CHART_STYLE if name == CHART else (LOOK / name).read_bytes()


@cache
def file_with_mark(name: str) -> str:
    """The address of a file of the look; it changes with the file, so that browsers may keep it."""
    return f"/look/{name}?{hashlib.sha256(content_of(name)).hexdigest()[:12]}"


_TEMPLATES = templates(FileSystemLoader(_HERE / "templates"), kept="\n")
_TEMPLATES.filters |= {"at": at, "ago": ago, "left": left, "path": path_of, "roughly": roughly}
_TEMPLATES.globals |= {"look": file_with_mark}


def text_of(template: str, **shown: object) -> Markup:
    """What a template says, for a page around it or as one."""
    text = _TEMPLATES.get_template(template).render(now=datetime.now(UTC), **shown)
    return Markup(text)  # noqa: S704 - the template escaped what came in


def rendered(template: str, status: int = 200, **shown: object) -> Response:
    """A page of this template."""
    return Response(text_of(template, **shown), status, HEADERS, "text/html")
