"""Refuses text that a browser could run, however it is written: plain, as entities, percent- or script-escaped."""

import html
import re
import unicodedata
from urllib.parse import unquote

LAYERS = 5  # of encoding; text that still changes after so many hides something

# Without any of these no pattern below can match, whatever is decoded first.
HARMLESS = re.compile(r"[^<&%:=\\\x00-\x1f\x7f-\U0010ffff]*")
IGNORED_BY_BROWSERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
SCRIPT_ESCAPE = re.compile(r"\\(?:u\{?0*|x)([0-9a-f]{2})\}?|\\u00([0-9a-f]{2})", re.IGNORECASE)

UNSAFE = re.compile(
    r"""
      <\s*[/!?]?\s*(?:script|style|iframe|object|embed|svg|img|link|meta|base|form|body)\b   # a tag, spaced out
    | <[a-z/!?]                                            # any tag, comment or declaration
    | (?:^|[^a-z0-9_])on[a-z]{3,}\s*=                      # an event handler
    | (?:java|vb|live)\s*script\s*:                        # a protocol that runs
    | data:\s*(?:[,;]|[a-z]+/[a-z0-9.+*-]+)                # a document within an address
    """,
    re.VERBOSE | re.IGNORECASE,
)


def is_safe_text(text: str) -> bool:
    """Whether no reading of `text` is markup, an event handler or an address that runs."""
    if HARMLESS.fullmatch(text):
        return True
    for _ in range(LAYERS):
        if _is_unsafe(text):
            return False
        decoded = _decoded_once(text)
        if decoded == text:
            return True
        text = decoded
    return False


def _is_unsafe(text: str) -> bool:
    return UNSAFE.search(text) is not None or UNSAFE.search(IGNORED_BY_BROWSERS.sub("", text)) is not None


def _decoded_once(text: str) -> str:
    plain = SCRIPT_ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), text)
    return unicodedata.normalize("NFKC", unquote(html.unescape(plain)))
