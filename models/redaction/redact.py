"""Hides what looks like a secret: by the name it is given, by how it is written, and by its shape.

It rather hides too much; what an incident is read by stays: hashes of commits, identifiers, times, stack
traces. Every pattern is bounded, so that no input takes long.
"""

from __future__ import annotations

import re
from functools import lru_cache

from models.redaction.shapes import REDACTED, hide_shapes

_NAMED = (
    r"(?:pass(?:word|wd|phrase|code|wort)|(?<![a-z])(?:pwd|pass|dsn|pin|psk|otp|sid|jwt)(?![a-z])|secret|credential"
    r"|token(?!s\b)|(?:api|auth|access|private|encryption|signing|routing|account|shared|master|service|license"
    r"|licence|storage|consumer|webhook|client|database|db|ssh)[_ -]?key(?!s\b)"
    r"|sess(?:ion)?[_-]?id|connect\.sid|kennwort|contrase(?:ñ|n)a|mot[_ -]de[_ -]passe|senha"
    r"|signature|(?<!old)pwd(?=[\"']?\s{0,3}[:=])|(?<![a-z])(?:(?:key|pw|_?auth)(?=[\"']?\s{0,3}=)|sig(?=[\"']?\s{0,3}=\s{0,3}[\"']?[^\s&\"']{16})))"
)
_QUOTE = r"(?:\\{0,4}[\"']|&quot;|&#3[49];|%22|\\u0022)"
_HARMLESS = (
    r"(?:yes|no|true|false|null|none|nil|undefined|missing|required|expired|invalid|incorrect|wrong|empty|unset"
    r"|rejected|refused|revoked|not|too|set|\*{3,}|\$(?-i:[A-Z][A-Z0-9_]{0,80})|\$\d|<\w[\w -]{0,60}>"
    r"|\$\{\w[\w.]{0,80}\}|\$?\{\{\s?[$\w.][\w.$-]{0,80}\s?\}\}|\$\(\w[^)\r\n]{0,200}\))(?=[\s.,;:&\"'})\]]|$)"
)
"""What is said of a secret, or stands for it, and is none."""
_VALUE = (
    r"(?:(?![\"']\$\{\w[\w.]{0,80}\}[\"'])(?:\\{1,4}[\"'][^\"'\\]*(?:\\{1,4}[\"'])?|\"(?:[^\"\\]|\\.)+\"?|'(?:[^'\\]|\\.)+'?|`[^`]+`?"
    r"|&quot;(?:(?!&quot;).){0,500}|\\u0022(?:(?!\\u0022).){0,500}"
    rf"|(?![bru]?\[redacted\]|{_HARMLESS})(?:[^\s,;&\"'}}\])]|[}}\])](?=[\w$]))+))"
)
_KEEPS = (
    r"(?:partition|sort|primary|foreign|cache|group|object|public|idempotency|dedup\w{0,10}|lock|row|hash|shard"
    r"|index|unique|composite|redis|s3)[_-]key"
)
"""Keys by which something is found."""
_IS = r"(?:=>|:=|={1,3}|!={1,2}|:)"

_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), replacement)
    for pattern, replacement in (
        # The whole of a header that authenticates, whatever its scheme.
        (r"((?:set-)?cookie[\"']?\s{0,3}[:=]\s{0,3})[^\r\n]+", rf"\1{REDACTED}"),
        (
            rf"((?:proxy-)?authorization{_QUOTE}?\s{{0,3}}[:=,]\s{{0,3}}{_QUOTE}?)(?!\[redacted\])"
            r"(?:(?:bearer|basic|digest|token|apikey|negotiate|aws4-hmac-sha256"
            r"|[a-z][\w-]{1,30}(?=\s+[\w+/=~.-]{0,200}\d))(?:\s+|%20))?+"
            rf"(?!\[redacted\]|{_HARMLESS})(?:credential=[^\r\n\"']+|[^\s,\"'&]+)",
            rf"\1{REDACTED}",
        ),
        (
            r"\b(bearer|basic)(\s+|%20)(?=\S{0,200}[\d._=+/-]|\S{20})[A-Za-z0-9._~+/=-]{8,}",
            rf"\1\2{REDACTED}",
        ),
        # Addresses: user:password@host, and a token alone in front of the host.
        (
            r"(://[^\s:/?#@\[\]]{0,200}:)(?!\d{1,5}(?:[/?#\s]|$)|\[redacted\])[^\s\"'<>]{1,500}@",
            rf"\1{REDACTED}@",
        ),
        (r"(://)(?!\[redacted\])[^\s:/?#@\"']{8,}@", rf"\1{REDACTED}@"),
        (r"(%3A%2F%2F[\w.-]{0,200}%3A)(?:[^\s%&]|%(?!40)[0-9A-F]{2}){1,500}(?=%40)", rf"\1{REDACTED}"),
        (r"(hooks\.slack\.com/(?:services|workflows|triggers)/)[\w/-]+", rf"\1{REDACTED}"),
        (r"(discord(?:app)?\.com/api/(?:v\d+/)?webhooks/)[\w/-]+", rf"\1{REDACTED}"),
        (r"(\.webhook\.office\.com/webhookb2/)[\w@/-]+", rf"\1{REDACTED}"),
        # Commands.
        (r"(\b(?:mysql\w*|mariadb[\w-]*)(?=\s)[^\r\n|;]{0,200}?\s-p)(?!ort)[^\s\"']+", rf"\1{REDACTED}"),
        (
            r"(\b(?:sshpass|(?:docker|podman)\s+login)(?=\s)[^\r\n|;]{0,200}?\s-p\s*)(?!\[redacted\])\S+",
            rf"\1{REDACTED}",
        ),
        (r"(\bredis-cli(?=\s)[^\r\n|;]{0,200}?\s-a\s+)\S+", rf"\1{REDACTED}"),
        (
            r"(\b(?:curl|wget)\s(?:[^\r\n|\\]|\\.){0,500}?(?<=\s)(?:-u|--(?:proxy-)?user)[ =]{0,4}[\"']?"
            rf"[^\s:\"']{{0,100}}[\"']?:[\"']?)(?!\[redacted\]|{_HARMLESS})[^\s\"']+",
            rf"\1{REDACTED}",
        ),
        (  # A token in the place of the user, without a password.
            r"(\b(?:curl|wget)\s(?:[^\r\n|\\]|\\.){0,500}?(?<=\s)(?:-u|--(?:proxy-)?user)[ =]{0,4}[\"']?)"
            rf"(?!\[redacted\]|{_HARMLESS})(?=[^\s:\"']{{0,100}}\d)[^\s:\"']{{8,100}}(?=:[\"'\s])",
            rf"\1{REDACTED}",
        ),
        (r"(\blogin\s+\S{1,100}\s+password\s+)\S+", rf"\1{REDACTED}"),
        (
            r"((?<![\w-])--?[\w-]{0,40}(?:password|passwd|secret|token|key)(?:\s+|[\"']\s{0,3},\s{0,3}[\"']))"
            rf"(?!\[redacted\]|{_HARMLESS})[^\s:=-][^\s\"']*",
            rf"\1{REDACTED}",
        ),
        # SQL.
        (
            rf"(\bidentified\s+(?:with\s+\S{{1,60}}\s+)?(?:by|as)\s+(?:password\s+)?){_VALUE}",
            rf"\1{REDACTED}",
        ),
        (r"(password\s+(?:(?:is|was)\s+)?)'[^']*'?", rf"\1{REDACTED}"),
        # Markup, and a name with its value beside it.
        (rf"(<[\w:.-]{{0,40}}{_NAMED}[\w:.-]{{0,40}}>)(?!\[redacted\])[^<\s][^<]{{0,500}}", rf"\1{REDACTED}"),
        (
            rf"({_NAMED}[\w.-]{{0,40}}{_QUOTE}?\s{{0,3}},?\s{{0,8}}{_QUOTE}?value{_QUOTE}?\s{{0,3}}[:=]\s{{0,3}})"
            rf"{_VALUE}",
            rf"\1{REDACTED}",
        ),
        (
            rf"({_NAMED}[\w.-]{{0,40}}[\"']\s{{0,3}},\s{{0,3}})[bru]?(?:\"[^\"]*\"?|'[^']*'?)",
            rf"\1{REDACTED}",
        ),
        # Named values: JSON, environment, query strings, YAML, argument lists.
        (
            rf"({_NAMED}[\w.-]{{0,40}}(?:\[[\w.-]{{0,40}}\])?{_QUOTE}?\]?(?:[ \t]{{0,30}}|\s{{0,3}})"
            rf"(?>{_IS}(?:[ \t]{{0,30}}+\s{{0,3}})(?:[bru](?=[\"'])|@)?)){_VALUE}",
            rf"\1{REDACTED}",
        ),
        (
            rf"({_NAMED}[\w.-]{{0,40}}(?:%(?:25)?2[27])?%(?:25)?3[AD](?:%(?:25)?20|\+)?(?:%(?:25)?2[27])?)"
            r"(?:[^\s&\"'%]|%(?!(?:25)?2[267C]|(?:25)?7D)[0-9A-F]{2}){1,500}",
            rf"\1{REDACTED}",
        ),
        # A key of whatever name, where the value is made of letters of both cases and digits.
        (
            rf"((?<![\w-])[\w-]{{0,40}}?key{_QUOTE}?\]?\s{{0,3}}{_IS}\s{{0,3}}{_QUOTE}?)"
            r"(?=[\w+/=.~-]{0,200}\d)(?=[\w+/=.~-]{0,200}(?-i:[A-Z]))(?=[\w+/=.~-]{0,200}(?-i:[a-z]))[\w+/=.~-]{20,}",
            rf"\1{REDACTED}",
        ),
        (
            rf"((?<![\w-])(?!(?:[\w-]{{0,20}}[_-])?{_KEEPS})[\w-]{{1,40}}[_-]key{_QUOTE}?\s{{0,3}}{_IS}\s{{0,3}}{_QUOTE}?)"
            r"(?![0-9a-f]{8}-[0-9a-f]{4}-)(?=[a-z_-]{0,200}\d)(?=[\d_-]{0,200}[a-z])[\w-]{24,}",
            rf"\1{REDACTED}",
        ),
        # A quoted value right behind its name. Names of objects are quoted there too, without such signs.
        (
            rf"({_NAMED}[\w-]{{0,40}}\s{{0,3}}([\"']))(?!/|\[redacted\])"
            r"(?=[^\"'\s]{0,200}(?:[^\w.\"'\s/:-]|(?-i:[A-Z])))[^\"'\s]{8,200}(?=\2)",
            rf"\1{REDACTED}",
        ),
        # In a sentence. Of a token, only what has a digit: words follow more often than tokens do.
        (
            r"((?:password|passwd|passphrase|passcode|\bpwd)\s+(?:for\s+\S{1,60}\s+|of\s+\S{1,60}\s+)?"
            rf"(?:is|was)\s+(?:now\s+)?)(?!\[redacted\]|{_HARMLESS})(?:\"[^\"]*\"?|'[^']*'?|[^\s'\"]+)",
            rf"\1{REDACTED}",
        ),
        (
            rf"({_NAMED}\w{{0,20}}\s+(?:for\s+\S{{1,60}}\s+|of\s+\S{{1,60}}\s+)?(?:is|was)\s+(?:now\s+)?)"
            r"(?:\"[^\"]*\"?|'[^']*'?|(?=[^\s]{0,200}\d)[^\s,;'\"\[]{6,})",
            rf"\1{REDACTED}",
        ),
        (
            rf"({_NAMED}\s+)(?!{_HARMLESS}|[0-9a-f]{{8}}-[0-9a-f]{{4}}-|\d{{4}}-\d\d-)"
            r"(?=[a-z_+/=-]{0,200}\d)(?=[\d_+/=-]{0,200}[a-z])[\w.~+/=-]{12,}",
            rf"\1{REDACTED}",
        ),
        (
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}-----|$)",
            REDACTED,
        ),
        (r"PuTTY-User-Key-File-\d.*", REDACTED),
    )
)

_HINTS = (
    *("pass", "pwd", "pw", "dsn", "pin", "psk", "otp", "sid", "jwt", "secret", "credential", "token", "key"),
    *("sess", "kennwort", "contrase", "mot", "senha", "sig", "auth", "cookie", "bearer", "basic", "webhook"),
    *("://", "%3a", "hooks.", "mysql", "mariadb", "redis-cli", "curl", "wget", "login", "identified"),
    *("-----begin", "putty"),
)
"""One of these stands in every text that a pattern finds something in: most texts have none."""
TELL_NO_SECRET = frozenset(
    (
        *("key", "partition_key", "sort_key", "primary_key", "foreign_key", "cache_key", "consumer_key"),
        *("group_key", "object_key", "sid", "auth", "token_type", "token_name", "token_kind", "secret_name"),
        *("secret_type", "secret_namespace"),
    )
)
"""Names of fields by which a key of a store, a kind of token or the name of a secret is told."""
_ENDS_AS_SECRET = re.compile(rf"{_NAMED}=$", re.IGNORECASE)
_SAYS_NOTHING = re.compile(rf"\s*(?:{_HARMLESS})?\s*", re.IGNORECASE)
_REMEMBERED = 2048
"""Characters of a text that is worth remembering: short ones come again."""


def redact(text: str) -> str:
    """The text with what looks like a secret replaced by `[redacted]`."""
    return _again(text) if len(text) <= _REMEMBERED else _redact(text)


def redact_named(name: str, value: str) -> str:
    """The value of a field. One whose name is that of a secret is hidden whole, whatever it says."""
    if name.lower() in TELL_NO_SECRET:
        return redact(value)
    begin = f"{name}="
    if _ENDS_AS_SECRET.search(begin):
        return value if _SAYS_NOTHING.fullmatch(value) else REDACTED
    said = redact(begin + value)
    return said.removeprefix(begin) if said.startswith(begin) else REDACTED


def _redact(text: str) -> str:
    lower = text.lower()
    if any(hint in lower for hint in _HINTS):
        for pattern, replacement in _SECRETS:
            text = pattern.sub(replacement, text)
    return hide_shapes(text)


_again = lru_cache(maxsize=2048)(_redact)
