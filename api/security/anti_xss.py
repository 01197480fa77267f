"""Texts that a browser could take for a script are refused, also behind entities and percent signs.

Ordinary punctuation and every script of the world pass: O'Brien, a < b, 3 > 2, Tom & Jerry, سارة.
"""

import html
import re
from urllib.parse import unquote

DECODINGS = 3  # how many layers of encoding are looked behind

DANGEROUS = re.compile(
    r"""
      <\s*/?\s*(script|iframe|object|embed|applet|meta|link|style|base|form|svg|math|img|video|audio|body|html)\b
    | <!--
    | <\s*[a-z][^>]*\bon[a-z]{3,}\s*=             # an event handler inside a tag
    | \bon(error|load|click|focus|blur|mouse\w+|key\w+|submit|change|toggle|animation\w+|pointer\w+)\s*=
    | \b(javascript|vbscript|livescript)\s*:
    | \bdata\s*:\s*([\w.+-]+/[\w.+-]+|[;,])       # data: with a media type, or with none and a payload
    | \bexpression\s*\(
    | \bsrcdoc\s*=
    """,
    re.IGNORECASE | re.VERBOSE,
)
INVISIBLE = re.compile("[\u0000-\u0008\u000b\u000c\u000e-\u001f\u200b\u200c\u2060\ufeff]")
BREAKS = re.compile(r"[\t\r\n]")


def is_safe_text(text: str) -> bool:
    """Whether no reading of this text is a script."""
    for _ in range(DECODINGS):
        if DANGEROUS.search(text) or DANGEROUS.search(_without_breaks(text)):
            return False
        decoded = html.unescape(unquote(text))
        if decoded == text:
            return True
        text = decoded
    return not DANGEROUS.search(_without_breaks(text))


def _without_breaks(text: str) -> str:
    return BREAKS.sub("", INVISIBLE.sub("", text))
