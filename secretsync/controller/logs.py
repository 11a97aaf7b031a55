"""Logging of the process: text or JSON lines on stderr, both through one redaction filter."""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Final

MASK: Final = "***"

_PATTERNS: Final = (
    # Authorization headers and the like
    re.compile(r"(?i)(?P<keep>\b(?:bearer|basic|token)\s+)[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?i)(?P<keep>\bx-vault-token['\"]?\s*[:=]\s*['\"]?)[^\s'\",}]+"),
    # key=value and "key": "value" with a name that says it is secret
    re.compile(
        r"(?i)(?P<keep>['\"]?[\w-]*(?:password|passwd|secret_?id|secretkey|access_?key|api_?key|client_?secret|private_?key"
        r"|token)['\"]?\s*[=:]\s*['\"]?)[^\s'\",;&}]+"
    ),
    # tokens that are recognisable by themselves: Vault, JWT, AWS
    re.compile(r"(?P<keep>)\b(?:hvs|hvb|hvr|s|b|r)\.[A-Za-z0-9_-]{20,}"),
    re.compile(r"(?P<keep>)\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),
    re.compile(r"(?P<keep>)\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"(?P<keep>)-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    # user:password@ in a URL
    re.compile(r"(?P<keep>://[^\s/:@]+:)[^\s/@]+(?=@)"),
    # the data of a Secret
    re.compile(r"(?P<keep>['\"](?:data|stringData)['\"]\s*:\s*)\{[^{}]*\}"),
)


def redact(text: str) -> str:
    """The text with everything masked that looks like a credential."""
    for pattern in _PATTERNS:
        text = pattern.sub(lambda match: f"{match['keep']}{MASK}", text)
    return text


class RedactionFilter(logging.Filter):
    """Masks credentials in message, arguments and traceback; belt and braces: nobody logs values on purpose."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; every record passes."""
        record.msg = redact(record.getMessage())
        record.args = ()
        if record.exc_info:
            record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)).rstrip())
            record.exc_info = None
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, and a traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text:
            line["traceback"] = record.exc_text
        return json.dumps(line, ensure_ascii=False)


def configure(*, level: str = "info", style: str = "text") -> None:
    """Send the process's log to stderr.

    Args:
        level: debug, info, warning or error.
        style: text or json.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RedactionFilter())
    if style == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("aiohttp").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
