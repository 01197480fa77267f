"""Text that a browser could run is refused in every disguise, and people's names are not."""

import html
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.security.anti_xss import FORMATTING, is_safe_html, is_safe_text


@pytest.mark.parametrize(
    "text",
    [
        "O'Brien", "a < b", "3>2", "Tom & Jerry", "AT&T", "I <3 you", "x=1", "a = b", "100%", "50% off", "سارة أحمد",
        "٣ < ٥", "محمد: مرحبا", "Data: see below", "data plan: 3/4", "R&D; x", "C:\\users", "a@b.c", "on time",
        "Ward 3/4: bed = 2", "René", "ﷺ", "Mon=1", "José-María d'Ávila", "山田 太郎", "می‌خواهم",
    ],
)  # fmt: skip
def test_ordinary_text_passes(text: str) -> None:
    assert is_safe_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>", "<ScRiPt>", "< script >", "</a>", "<!--", "<?xml", "<img src=x>", "<svg/onload=x>",
        "%3Cscript%3E", "%253Cscript%253E", "&lt;script&gt;", "&#60;script&#62;", "&#x3c;b", "&#0000060b", "%26lt%3Bb",
        "＜script＞", "\\u003cscript\\u003e", "\\x3cscript", "<\x00script>", '" onload=x', "onerror=x", "x/onclick =1",
        "' ONMOUSEOVER\t=x", "on\x00error=x", "javascript:alert(1)", "JaVaScRiPt :x", "java\tscript:x",
        "java\u200bscript:x", "java%0ascript:x", "jav&#x61;script:x", "javascript&colon;x", "vbscript:x",
        "data:text/html,x", "data:,x", "data:;base64,x", "DATA:image/svg+xml,x", "data%3Atext/html,x",
    ],
)  # fmt: skip
def test_what_a_browser_could_run_is_refused(text: str) -> None:
    assert not is_safe_text(text)
    assert not is_safe_text(f"سارة {text} Ahmed")


def test_what_hides_behind_ever_more_encoding_is_refused() -> None:
    hidden = "<script>"
    for _ in range(12):
        hidden = hidden.replace("%", "%25").replace("<", "%3C")
    assert not is_safe_text(hidden)


@pytest.mark.parametrize(
    "text",
    [
        "\\74script\\76", "\\074script", "\\3c script\\3e ", "\\00003cscript", "\\u{3c}script", "\\u{0000003c}b",
        "%u003cscript%u003e", "+ADw-script+AD4-", "%5C3c script", "<b>", "<b onclick=x>", "<p dir=rtl>",
    ],
)  # fmt: skip
def test_rarer_disguises_are_refused_too(text: str) -> None:
    assert not is_safe_text(text)
    assert not is_safe_text(f"سارة {text} Ahmed")


# --- prose and attacks, generated ----------------------------------------------------------

ARABIC = st.text("ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهويىًٌٍَُِّْٰپچژگ", min_size=1, max_size=9)
LATIN = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZéèüñç", min_size=1, max_size=9)
EASTERN = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
NUMBERS = st.integers(0, 10**6).map(str) | st.integers(0, 10**4).map(lambda number: str(number).translate(EASTERN))
AFTER_A_WORD = st.sampled_from(
    ["", "", "", ",", ".", "!", "?", ":", ";", "…", "،", "؛", "؟", "'s", "%", " -", " –", " &", " /", " <", " >", " *"]
)
AROUND = st.sampled_from([("", ""), ("(", ")"), ("«", "»"), ('"', '"'), ("'", "'"), ("“", "”"), ("[", "]"), ("‹", "›")])
WORDS = st.builds(
    lambda around, word, after: f"{around[0]}{word}{around[1]}{after}", AROUND, ARABIC | LATIN | NUMBERS, AFTER_A_WORD
)
PROSE = st.lists(WORDS, min_size=1, max_size=12).map(" ".join)

PAYLOADS = st.sampled_from(
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "</title>", "<!--x-->",
        "<iframe src=//x>", "<a href=x>", "javascript:alert(1)", "vbscript:msgbox(1)", "data:text/html,x", "data:,x",
        '" onfocus=alert(1) autofocus="', "x/onmouseover=alert(1)", "<math><mi xlink:href=x>", "<details ontoggle=x>",
        "<style>@import'x'</style>", "<base href=//x>", "<object data=x>", "<form action=x>", "<x onclick=y>",
    ]
)  # fmt: skip
SPECIAL = "<>&\"'=:/%jJsSdDoO"


def every_special(write: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "".join(write(letter) if letter in SPECIAL else letter for letter in text)


DISGUISES: dict[str, Callable[[str], str]] = {
    "none": lambda text: text,
    "percent": every_special(lambda letter: f"%{ord(letter):02x}"),
    "decimal entity": every_special(lambda letter: f"&#{ord(letter)};"),
    "padded entity": every_special(lambda letter: f"&#00000{ord(letter)};"),
    "hex entity": every_special(lambda letter: f"&#x{ord(letter):x};"),
    "named entity": lambda text: html.escape(text).replace(":", "&colon;").replace("=", "&equals;"),
    "script hex": every_special(lambda letter: f"\\x{ord(letter):02x}"),
    "script unicode": every_special(lambda letter: f"\\u00{ord(letter):02x}"),
    "script braces": every_special(lambda letter: f"\\u{{{ord(letter):x}}}"),
    "percent unicode": every_special(lambda letter: f"%u00{ord(letter):02x}"),
    "full width": lambda text: "".join(chr(ord(x) + 0xFEE0) if "!" <= x <= "~" else x for x in text),
    "zero width": lambda text: "\u200b".join(text),
    "soft hyphens": lambda text: "\u00ad".join(text),
    "nul": lambda text: text.replace("r", "r\0"),
    "tabs": lambda text: text.replace(":", "\t:").replace("=", "\t="),
}
INNERMOST: dict[str, Callable[[str], str]] = {
    "octal": every_special(lambda letter: f"\\{ord(letter):03o}"),
    "upper case": str.upper,
    "css": every_special(lambda letter: f"\\{ord(letter):02x} "),
}


@settings(max_examples=300, deadline=None)
@given(PROSE)
def test_prose_in_arabic_and_english_with_its_punctuation_passes(text: str) -> None:
    assert is_safe_text(text)
    assert is_safe_html(text)


@settings(max_examples=300, deadline=None)
@given(
    before=PROSE,
    payload=PAYLOADS,
    innermost=st.sampled_from([None, *INNERMOST]),
    disguises=st.lists(st.sampled_from(sorted(DISGUISES)), max_size=3),
    after=PROSE,
)
def test_no_disguise_of_an_attack_passes(
    before: str, payload: str, innermost: str | None, disguises: list[str], after: str
) -> None:
    text = INNERMOST[innermost](payload) if innermost else payload
    for name in disguises:
        text = DISGUISES[name](text)
    for hidden in (text, f"{before} {text} {after}"):
        assert not is_safe_text(hidden)
        assert not is_safe_html(hidden)


# --- where a field allows HTML -------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "<b>bold</b>", "<p dir=\"rtl\">سارة</p>", "<p dir=rtl>", "<ul><li>a</li></ul>", "line<br/>next", "<BR />",
        "<h1>x</h1>", "<strong><em>x</em></strong> & y < z", "plain", "R&D",
    ],
)  # fmt: skip
def test_harmless_formatting_passes_where_html_is_allowed(text: str) -> None:
    assert is_safe_html(text)


@pytest.mark.parametrize(
    "text",
    [
        "<b onclick=x>", "<b\0onmouseover=x>", "<b/onclick=x>", "<br onload=x>", "<p style=x>", "<span dir=rtl id=x>",
        "<div dir='rtl' style='x'>", "<a href=x>", "<p><script></p>", "<scr<b>ipt>", "java<b></b>script:x", "<bx>",
        "<b foo>", "<b", "<b>x</b><img src=y>", "<p dir=\"rtl\" onclick=\"x\">", "<b>&lt;script&gt;</b>",
        "<i>javascript:x</i>", "<!-- x -->", "<p dir=\"javascript:x\">", "o<b></b>nload=x",
    ],
)  # fmt: skip
def test_scripts_handlers_and_protocols_never_pass(text: str) -> None:
    assert not is_safe_html(text)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(FORMATTING), PROSE), max_size=5), PAYLOADS)
def test_formatting_around_prose_passes_and_around_an_attack_does_not(
    parts: list[tuple[str, str]], attack: str
) -> None:
    formatted = "".join(f"<{tag}>{text}.</{tag}>" for tag, text in parts)
    assert is_safe_html(formatted)
    assert not is_safe_html(formatted + f"<b>{attack}</b>")


# --- time ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "<" + " " * 60_000, "< " * 30_000, "=onabc" + " " * 60_000, "= onabc" * 9_000, "<java" + " " * 60_000,
        "&" * 60_000, "<data:" + " " * 60_000, "<data:" + "a" * 60_000, "data:" * 12_000, "%25" * 20_000, "ﷺ" * 20_000,
        "\\" * 60_000,
        "\\3c " * 15_000, "\\u{" + "0" * 60_000, "&#x" + "0" * 60_000, "<! " * 20_000, "<b" + " " * 60_000,
    ],
    ids=lambda text: repr(text[:8]),
)  # fmt: skip
def test_no_text_keeps_us_busy_for_long(text: str) -> None:
    started = time.process_time()
    is_safe_text(text)
    is_safe_html(text)
    assert time.process_time() - started < 10
