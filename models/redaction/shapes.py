"""Keys and tokens that are known by their shape, wherever they stand."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from temporalio.workflow import unsafe

with unsafe.imports_passed_through():
    from detect_secrets.plugins.artifactory import ArtifactoryDetector
    from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
    from detect_secrets.plugins.base import RegexBasedDetector
    from detect_secrets.plugins.discord import DiscordBotTokenDetector
    from detect_secrets.plugins.github_token import GitHubTokenDetector
    from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
    from detect_secrets.plugins.mailchimp import MailchimpDetector
    from detect_secrets.plugins.pypi_token import PypiTokenDetector
    from detect_secrets.plugins.sendgrid import SendGridDetector
    from detect_secrets.plugins.slack import SlackDetector
    from detect_secrets.plugins.square_oauth import SquareOAuthDetector
    from detect_secrets.plugins.stripe import StripeDetector
    from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
    from detect_secrets.plugins.twilio import TwilioKeyDetector

REDACTED = "[redacted]"

_MAINTAINED: tuple[type[RegexBasedDetector], ...] = (
    ArtifactoryDetector,
    AzureStorageKeyDetector,
    DiscordBotTokenDetector,
    GitHubTokenDetector,
    GitLabTokenDetector,
    MailchimpDetector,
    PypiTokenDetector,
    SendGridDetector,
    SlackDetector,
    SquareOAuthDetector,
    StripeDetector,
    TelegramBotTokenDetector,
    TwilioKeyDetector,
)
"""Those of detect-secrets that know a shape. Its guesses by entropy would hide hashes and identifiers."""

_OURS = (
    r"\beyJrIjoi[\w+/=-]{20,}",
    r"\b(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[0-9A-Z]{12,}",
    r"\b(?:sk|pk|rk|whsec|gsk|xai|pplx|tvly|tskey|r8|rnd|nvapi|PMAK|NRAK|NRII|NRJS|HRKU|xkeysib)[-_]"
    r"(?=[A-Za-z0-9_-]{0,120}\d)[A-Za-z0-9_-]{16,}",
    r"\bgh[pousr]_[A-Za-z0-9]{16,}",
    r"\bgithub_pat_\w{16,}",
    r"\bgl(?:pat|dt|ft|rt|ptt|soat|cbt|imt|agent|oas|ffct)-[\w.-]{16,}",
    r"\bnpm_[A-Za-z0-9]{20,}",
    r"\bxox[a-z](?:\.xox[a-z])?-(?=[A-Za-z-]{0,60}\d[A-Za-z-]{0,60}\d)[A-Za-z0-9-]{8,}",
    r"\bxapp-\d-[A-Za-z0-9-]{8,}",
    r"\bAIza[\w-]{30,}",
    r"\bya29\.[\w-]{16,}",
    r"\bGOCSPX-[\w-]{16,}",
    r"\bSG\.[\w-]{16,}\.[\w-]{16,}",
    r"\bhv[sbr]\.[\w-]{16,}",
    r"\bs\.(?=[A-Za-z]{0,23}\d)[A-Za-z0-9]{24}\b",  # Vault before 1.10
    r"\bdo[opr]_v1_[a-f0-9]{16,}",
    r"\bshp(?:at|ca|pa|ss)_[A-Fa-f0-9]{16,}",
    r"\b(?:hf|lin_api|figd|sbp|nfp|rubygems|dckr_pat|dckr_oat|pscale_tkn|pscale_pw|pscale_oauth|glsa|glc|sntry[su]"
    r"|ntn|rdme|tfp|phc|phx|shippo_live|EZAK|EZTK|CCIPAT|atlasv1)_"
    r"(?=[\w=.-]{0,120}\d)[\w=.-]{16,}",
    # Words that also begin the names of metrics, pods and tables: there, hyphens divide the letters.
    r"\b(?:key[-_]|(?:secret|ops|cio|pat)_)(?=[A-Za-z]{0,120}\d)[A-Za-z0-9]{20}[\w=.-]*",
    r"\b(?:dapi)[a-f0-9]{32}(?:-\d)?",
    r"\b(?:p8e|ico)-[A-Za-z0-9]{32}\b",
    r"\bLTAI[A-Za-z0-9]{16,}",
    r"\bcmVmd[A-Za-z0-9]{59}\b",
    r"(?<![\w~.])[\w~.]{3}\dQ~[\w~.-]{31,34}",
    r"\b4b1d[A-Za-z0-9]{38}\b",
    r"\bv1\.0-[a-f0-9]{24}-[a-f0-9]{100,}",
    r"\b(?:CLOJARS|duffel_(?:test|live)|pnu|fo1|hf|api_org)_[\w=-]{30,}",
    r"\bEZ[AT]K[A-Za-z0-9]{54}",
    r"\bFLW(?:SECK|PUBK)(?:_TEST)?-[A-Za-z0-9]{12,}(?:-X)?",
    r"\b[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}",
    r"\bAT[AC]TT3[\w=-]{16,}",
    r"\bpul-[a-f0-9]{40}",
    r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[\w.]{20,}",
    r"\bdt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}",
    r"\bAGE-SECRET-KEY-1[0-9A-Z]{20,}",
    r"\bsq0[a-z]{3}-[\w-]{20,}",
    r"\bpypi-[\w-]{50,}",
    r"\b\d{8,10}:AA[\w-]{30,}",  # bots of Telegram
    r"(?<![\w-])[MNO][A-Za-z\d_-]{23,27}\.[\w-]{6}\.[\w-]{27,}",  # bots of Discord
    r"\$(?:2[abxy]|[156y]|argon2(?:id|i|d))\$[\w./$,=+-]{20,}",  # hashes of passwords
    r"\bSCRAM-SHA-(?:1|256)\$[\w+/=:$]{20,}",
)


def _joined(patterns: Iterable[re.Pattern[str]], ours: Iterable[str]) -> re.Pattern[str]:
    """One pattern, each part with the flags that it was written for."""
    parts = [f"(?i:{one.pattern})" if one.flags & re.IGNORECASE else f"(?:{one.pattern})" for one in patterns]
    return re.compile("|".join((*parts, *(f"(?:{one})" for one in ours))))


_WEB_TOKEN = re.compile(r"(?<![\w-])(?>([\w-]*?)\beyJ)[\w-]{8,}+\.[\w-]{4,}(?:\.[\w-]*)*")
"""JSON web tokens. It looks once at each run of such characters, however often one seems to begin in it."""
_SHAPE = _joined((one for kind in _MAINTAINED for one in kind().denylist), _OURS)
_LONG = re.compile(r"[\w.:/+=$,@~-]{16,}")
"""No key is shorter: only what is this long is looked at closely."""
_BASIC = re.compile(r"\b(basic)(\s+|%20)([A-Za-z0-9+/_-]{6,}={0,2})", re.IGNORECASE)


def hide_shapes(text: str) -> str:
    """The text without keys and tokens that are known by their shape."""
    return _LONG.sub(_without_shapes, _BASIC.sub(_basic, text))


def _without_shapes(found: re.Match[str]) -> str:
    return _SHAPE.sub(REDACTED, _WEB_TOKEN.sub(rf"\1{REDACTED}", found[0]))


def _basic(found: re.Match[str]) -> str:
    """`Basic` and a name with a password in base64; `basic authentication` is none."""
    try:
        given = base64.b64decode(
            found[3].rstrip("=") + "=" * (-len(found[3].rstrip("=")) % 4), altchars=b"-_"
        )
    except binascii.Error:
        return found[0]
    is_pair = b":" in given and given.isascii()
    return f"{found[1]}{found[2]}{REDACTED}" if is_pair else found[0]
