"""Refuses text that a browser could run, however it is written: plain, as entities, percent-, script- or CSS-escaped.

Strict: no markup at all. Where a field allows HTML, harmless formatting passes: the tags of FORMATTING, without any
attribute but `dir`. What is left of the text without them is judged as strictly as any other.
"""

import html
import re
import unicodedata
from urllib.parse import unquote

LAYERS = 5  # of encoding; text that still changes after so many hides something

# Without any of these no pattern below can match, whatever is decoded first.
HARMLESS = re.compile(r"[^<&%:=+\\\x00-\x1f\x7f-\U0010ffff]*")
IGNORED_BY_BROWSERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
SCRIPT_ESCAPE = re.compile(r"[\\%]u([0-9a-f]{4})|\\x([0-9a-f]{2})|\\u\{0*([0-9a-f]{1,5})\}", re.IGNORECASE)
OTHER_ESCAPES = (  # of the same text, so each is tried by itself
    (re.compile(r"\\([0-3]?[0-7]{1,2})"), 8),  # octal, in a script
    (re.compile(r"\\0{0,4}([0-9a-f]{2})[ \t\r\n\f]?", re.IGNORECASE), 16),  # in CSS
)

UNSAFE = re.compile(
    r"""
      <\s*(?:[/!?]\s*)?(?:script|style|iframe|object|embed|svg|img|link|meta|base|form|body)\b   # a tag, spaced out
    | <[a-z/!?]                                            # any tag, comment or declaration
    | (?:^|[^a-z0-9_])on[a-z]{3,}\s*=                      # an event handler
    | (?:java|vb|live)\s*script\s*:                        # a protocol that runs
    | data:\s*(?:[,;]|[a-z]+/[a-z0-9.+*-]+)                # a document within an address
    | \+ad[w4]-                                            # < and > of UTF-7
    """,
    re.VERBOSE | re.IGNORECASE,
)

FORMATTING = (
    *("b", "i", "u", "s", "em", "strong", "small", "sub", "sup", "br", "hr", "p", "span", "div", "blockquote"),
    *("ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6"),
)
HARMLESS_TAG = re.compile(
    rf"""</?(?:{"|".join(FORMATTING)})(?:\s+dir=(["']?)(?:rtl|ltr|auto)\1)?\s*/?>""", re.IGNORECASE
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


def is_safe_html(text: str) -> bool:
    """Whether `text` is safe but for harmless formatting: with those tags gone, and with a blank in their place."""
    return all(is_safe_text(HARMLESS_TAG.sub(instead, text)) for instead in ("", " "))


def _is_unsafe(text: str) -> bool:
    readings = (text, *(_unescaped(text, *escape) for escape in OTHER_ESCAPES)) if "\\" in text else (text,)
    return any(UNSAFE.search(one) or UNSAFE.search(IGNORED_BY_BROWSERS.sub("", one)) for one in readings)


def _unescaped(text: str, escape: re.Pattern[str], base: int) -> str:
    return escape.sub(lambda match: chr(int(match[match.lastindex or 1], base)), text)


def _decoded_once(text: str) -> str:
    plain = _unescaped(IGNORED_BY_BROWSERS.sub("", text), SCRIPT_ESCAPE, 16)
    return unicodedata.normalize("NFKC", unquote(html.unescape(plain)))
