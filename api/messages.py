"""What partners read, in English or Arabic: the one table of both, and which of the two this caller prefers.

Code is written in English everywhere; error_body() and in_callers_language() look the Arabic up at the border. A pair
of braces stands for whatever a message names: a number, a list, an instant. Codes, field names and reasons are never
translated. tests/house/test_messages.py demands the Arabic of every message that a partner can see.
"""

import re
from collections.abc import Iterator
from functools import cache

from flask import Flask, Response, g, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

ENGLISH, ARABIC = "en", "ar"
LANGUAGES = (ENGLISH, ARABIC)  # the first is spoken to whoever has no preference, or another

IN_ARABIC = {
    # access
    "A valid access token is needed.": "يلزم رمز وصول صالح.",
    "This access token is not valid, or has expired.": "رمز الوصول هذا غير صالح أو انتهت صلاحيته.",
    "This access token may not do this.": "لا يُسمح لرمز الوصول هذا بالقيام بذلك.",
    "This needs the scope {}.": "يتطلب هذا النطاق {}.",
    "The access key is not valid.": "مفتاح الوصول غير صالح.",
    "A valid access key is needed.": "يلزم مفتاح وصول صالح.",
    "The grant_type must be password, client_credentials or refresh_token.": (
        "يجب أن تكون قيمة grant_type إحدى القيم password أو client_credentials أو refresh_token."
    ),
    "Give the access key once: as access_key, as client_secret, or by HTTP Basic.": (
        "أرسلوا مفتاح الوصول مرة واحدة: في access_key أو في client_secret أو عبر HTTP Basic."
    ),
    "A scope was asked for that was not granted.": "طُلب نطاق لم يُمنح.",
    "This access token was revoked.": "أُلغي رمز الوصول هذا.",
    "This refresh token is not valid, or has expired.": "رمز التجديد هذا غير صالح أو انتهت صلاحيته.",
    "This refresh token was used before: all tokens that came of it have ended.": (
        "استُخدم رمز التجديد هذا من قبل: انتهت صلاحية كل الرموز الصادرة عنه."
    ),
    "Too many requests of this kind within a minute.": "طلبات كثيرة من هذا النوع خلال دقيقة واحدة.",
    # users and their assessments
    "There is no such care provider, or it cannot be booked any more.": (
        "لا يوجد مقدم رعاية كهذا، أو لم يعد حجز مواعيد لديه ممكنًا."
    ),
    "This user has as many favorites as there can be.": "بلغ عدد المفضلة لدى هذا المستخدم حدَّه الأقصى.",
    "This is not the version of the questionnaire that is asked now. Get the questions again.": (
        "هذه ليست النسخة الحالية من الاستبيان. اطلبوا الأسئلة من جديد."
    ),
    "Some answers are missing or wrong.": "بعض الإجابات ناقصة أو خاطئة.",
    "The questionnaire has no such question.": "ليس في الاستبيان سؤال كهذا.",
    "This question is answered twice.": "أُجيب عن هذا السؤال مرتين.",
    "Question {} has to be answered.": "يجب الإجابة عن السؤال {}.",
    "This question has to be answered.": "يجب الإجابة عن هذا السؤال.",
    "This question is answered by one of its options.": "يُجاب عن هذا السؤال باختيار أحد خياراته.",
    "This question is answered in words.": "يُجاب عن هذا السؤال كتابةً.",
    "The question has no such option.": "ليس للسؤال خيار كهذا.",
    # the request as a whole
    "The request has missing or wrong fields.": "في الطلب حقول ناقصة أو خاطئة.",
    "Required fields are missing.": "توجد حقول مطلوبة ناقصة.",
    "The body is not one JSON object.": "متن الطلب ليس كائن JSON واحدًا.",
    "The body holds too many values.": "في متن الطلب قيم أكثر من المسموح.",
    "A text holds something that a browser could run.": "يحتوي أحد النصوص على ما يمكن أن ينفذه المتصفح.",
    "The secureHash does not match the fields.": "قيمة secureHash لا تطابق الحقول.",
    "This is not an id that we gave out for this purpose.": "هذا ليس معرّفًا أصدرناه لهذا الغرض.",
    "This cursor was not given out for this list and these filters.": "لم يُصدر هذا المؤشر لهذه القائمة وهذه المرشحات.",
    "This Idempotency-Key was used for another request.": "استُخدم مفتاح Idempotency-Key هذا لطلب آخر.",
    "A request with this Idempotency-Key is being accepted right now.": (
        "يجري الآن قبول طلب يحمل مفتاح Idempotency-Key هذا."
    ),
    "Must be 1 to 255 visible ASCII characters.": "يجب أن يتكون من 1 إلى 255 محرفًا مرئيًا من محارف ASCII.",
    "Bad Request.": "طلب غير صحيح.",
    "Not Found.": "غير موجود.",
    "Method Not Allowed.": "هذه الطريقة غير مسموح بها.",
    "Request Entity Too Large.": "متن الطلب أكبر من المسموح.",
    "Unsupported Media Type.": "نوع المحتوى غير مدعوم.",
    "Request URI Too Long.": "عنوان الطلب أطول من المسموح.",
    "Request Header Fields Too Large.": "ترويسات الطلب أكبر من المسموح.",
    # what was asked for
    "There is no such booking.": "لا يوجد حجز كهذا.",
    "This overlaps other hours of the care provider.": "يتداخل هذا مع ساعات أخرى لمقدم الرعاية.",
    "This overlaps another slot of the care provider.": "يتداخل هذا مع فترة أخرى لمقدم الرعاية.",
    "This overlaps another of this list.": "يتداخل هذا مع عنصر آخر في القائمة.",
    "This slot is not within the care provider's hours.": "هذه الفترة ليست ضمن ساعات عمل مقدم الرعاية.",
    "Slots do not have this length.": "لا توجد فترات بهذه المدة.",
    "The care provider has no such hours.": "ليس لدى مقدم الرعاية ساعات كهذه.",
    "There is no such time on that day in this time zone.": "لا يوجد وقت كهذا في ذلك اليوم في هذه المنطقة الزمنية.",
    "Must begin and end at a multiple of five minutes.": "يجب أن يبدأ وينتهي عند مضاعفات خمس دقائق.",
    "This has already begun.": "لقد بدأ هذا بالفعل.",
    "This is more than a year ahead.": "هذا بعد أكثر من سنة من الآن.",
    "There is no such care provider.": "لا يوجد مقدم رعاية كهذا.",
    "A booking of this user is pending or still to come: cancel it first, or wait until it is over.": (
        "لهذا المستخدم حجز قيد المعالجة أو لم يحن موعده بعد: ألغوه أولاً أو انتظروا حتى ينتهي."
    ),
    "This user is not registered with your organization.": "هذا المستخدم غير مسجَّل لدى مؤسستكم.",
    "This referenceId is not the one of the user.": "المرجع referenceId هذا ليس مرجع المستخدم.",
    "This referenceId is registered with other details.": "المرجع referenceId هذا مسجَّل ببيانات أخرى.",
    "The care provider has no such slot.": "ليس لدى مقدم الرعاية فترة كهذه.",
    "This slot has already begun.": "بدأت هذه الفترة بالفعل.",
    "This is not the date or time of the slot.": "هذا ليس تاريخ الفترة أو وقتها.",
    "This is not the care provider of the booking.": "هذا ليس مقدم الرعاية الخاص بالحجز.",
    "This webhook is not signed by the video service.": "هذا الإشعار غير موقَّع من خدمة الفيديو.",
    "This webhook cannot be verified just now. Send it again.": ("لا يمكن التحقق من هذا الإشعار الآن. أعيدوا إرساله."),
    "This webhook does not say what it is about.": "لا يبيّن هذا الإشعار موضوعه.",
    "The video service did not answer. Ask again later.": "لم تستجب خدمة الفيديو. يرجى المحاولة لاحقًا.",
    "Only a confirmed booking can be moved to another time.": "لا يمكن نقل إلا حجز مؤكد إلى وقت آخر.",
    "This booking is being moved to another time right now.": "يجري الآن نقل هذا الحجز إلى وقت آخر.",
    "The session begins too soon, or has begun: it cannot be cancelled or moved any more.": (
        "موعد الجلسة قريب جدًا أو بدأت بالفعل: لم يعد إلغاؤها أو نقلها ممكنًا."
    ),
    "It could be cancelled or moved until {}.": "كان الإلغاء أو النقل ممكنًا حتى {}.",
    "Events after this place are not kept any more: begin anew without it, and look up your bookings.": (
        "لم تعد الأحداث التي تلي هذا الموضع محفوظة: ابدؤوا من جديد بدونه، واستعلموا عن حجوزاتكم."
    ),
    # webhooks
    "There is no such webhook endpoint.": "لا توجد نقطة webhook كهذه.",
    "There is no such delivery.": "لا توجد عملية تسليم كهذه.",
    "An organization has 20 webhook endpoints at most.": "لكل مؤسسة 20 نقطة webhook على الأكثر.",
    "This webhook endpoint is paused or disabled; enable it first.": (
        "نقطة webhook هذه موقوفة مؤقتًا أو معطّلة؛ فعّلوها أولًا."
    ),
    "More than 1000 events lie in this period; replay it in parts.": (
        "في هذه المدة أكثر من 1000 حدث؛ أعيدوا إرسالها على أجزاء."
    ),
    "Must have {} letters or fewer.": "يجب ألا يزيد على {} حرفًا.",
    "Must be a URL of visible ASCII letters, without a backslash.": (
        "يجب أن يكون عنوان URL من محارف ASCII مرئية، بلا شرطة مائلة عكسية."
    ),
    "Not a URL.": "ليس عنوان URL.",
    "Must begin with https://.": "يجب أن يبدأ بـ https://.",
    "Must not hold a user name or password.": "لا يجوز أن يحتوي على اسم مستخدم أو كلمة مرور.",
    "Must not have a fragment.": "لا يجوز أن يحتوي على جزء بعد علامة #.",
    "Must name a host.": "يجب أن يحدد اسم مضيف.",
    "The port must be one of: {}.": "يجب أن يكون المنفذ أحد هذه المنافذ: {}.",
    "Must lead to an address on the public Internet.": "يجب أن يؤدي إلى عنوان على شبكة الإنترنت العامة.",
    "The name of the host leads to no address.": "اسم المضيف لا يؤدي إلى أي عنوان.",
    # how a booking ended
    "Someone else holds or booked this time.": "هذا الوقت محجوز لشخص آخر أو قيد الحجز.",
    "This slot is not available.": "هذه الفترة غير متاحة.",
    "The organization's balance does not cover this session.": "رصيد المؤسسة لا يغطي هذه الجلسة.",
    "The video meeting could not be created.": "تعذّر إنشاء اجتماع الفيديو.",
    "A service that the booking needs did not answer.": "لم تستجب خدمة يحتاج إليها الحجز.",
    "The booking could not be completed in time.": "تعذّر إتمام الحجز في الوقت المحدد.",
    "The booking was withdrawn.": "سُحب الحجز.",
    "The booking could not be completed, and was undone by hand.": "تعذّر إتمام الحجز، وأُلغيت آثاره يدويًا.",
    # ours
    "The service is not available just now. Repeat the request, with the same Idempotency-Key.": (
        "الخدمة غير متاحة في هذه اللحظة. أعيدوا الطلب بمفتاح Idempotency-Key نفسه."
    ),
    "Something went wrong on our side.": "حدث خطأ من جانبنا.",
    # one field
    "Missing data for required field.": "هذا الحقل مطلوب ولم يُرسل.",
    "Field may not be null.": "لا يجوز أن يكون الحقل فارغًا (null).",
    "Unknown field.": "حقل غير معروف.",
    "Invalid value.": "قيمة غير صحيحة.",
    "Invalid type.": "نوع غير صحيح.",
    "Invalid input.": "مدخل غير صحيح.",
    "Invalid input type.": "نوع المدخل غير صحيح.",
    "Not a valid value.": "ليست قيمة صحيحة.",
    "Not a valid string.": "ليس نصًا صحيحًا.",
    "Not a valid utf-8 string.": "ليس نصًا صحيحًا بترميز UTF-8.",
    "Not a valid number.": "ليس عددًا صحيحًا الصياغة.",
    "Number too large.": "العدد كبير جدًا.",
    "Not a valid integer.": "ليس عددًا صحيحًا.",
    "Not a valid boolean.": "ليست قيمة منطقية (true أو false).",
    "Not a valid list.": "ليست قائمة صحيحة.",
    "Not a valid date.": "ليس تاريخًا صحيحًا.",
    "Not a valid URL.": "ليس عنوان URL صحيحًا.",
    "Not a valid mapping type.": "ليس كائنًا صحيحًا.",
    "String does not match expected pattern.": "النص لا يطابق الصيغة المطلوبة.",
    "Must not be blank.": "لا يجوز أن يكون خاليًا.",
    "Must not hold what a browser could run.": "لا يجوز أن يحتوي على ما يمكن أن ينفذه المتصفح.",
    "Must not contain control characters.": "لا يجوز أن يحتوي على محارف تحكم.",
    "Must be a date: YYYY-MM-DD.": "يجب أن يكون تاريخًا بالصيغة YYYY-MM-DD.",
    "There is no such day.": "لا يوجد يوم كهذا.",
    "Must be an instant: YYYY-MM-DDTHH:MM:SSZ.": "يجب أن تكون لحظة زمنية بالصيغة YYYY-MM-DDTHH:MM:SSZ.",
    "Must be an action: booking.accept.": "يجب أن يكون اسم إجراء، مثل booking.accept.",
    "Must be a time: HH:MM:SS.": "يجب أن يكون وقتًا بالصيغة HH:MM:SS.",
    "There is no such time.": "لا يوجد وقت كهذا.",
    "Must be hours from -12 to 14, in quarters.": "يجب أن يكون عدد ساعات من -12 إلى 14 بأرباع الساعة.",
    "Not a time zone of the IANA database.": "ليست منطقة زمنية من قاعدة بيانات IANA.",
    "Give timeZone or gmtTimeDiffrenceHours, not both.": ("أرسلوا timeZone أو gmtTimeDiffrenceHours، وليس كليهما."),
    "Must not be less than minPrice.": "يجب ألا تكون القيمة أقل من minPrice.",
    "Give page or cursor, not both.": "أرسلوا page أو cursor، وليس كليهما.",
    "Farther than {} care providers: go on with cursor.": "أبعد من {} مقدم رعاية: تابعوا باستخدام cursor.",
    "Must be a day in the past, after 1900.": "يجب أن يكون يومًا في الماضي بعد عام 1900.",
    "Must not be before from.": "لا يجوز أن يكون قبل from.",
    "Given more than once.": "أُرسل أكثر من مرة.",
    "Must be one of: {}.": "يجب أن تكون القيمة إحدى هذه القيم: {}.",
    "Must be equal to {}.": "يجب أن تساوي القيمة {}.",
    "Longer than maximum length {}.": "أطول من الحد الأقصى {}.",
    "Shorter than minimum length {}.": "أقصر من الحد الأدنى {}.",
    "Length must be between {} and {}.": "يجب أن يكون الطول بين {} و{}.",
    "Length must be {}.": "يجب أن يكون الطول {}.",
    "Must be greater than or equal to {}.": "يجب أن تكون القيمة أكبر من {} أو مساوية لها.",
    "Must be greater than {}.": "يجب أن تكون القيمة أكبر من {}.",
    "Must be less than or equal to {}.": "يجب أن تكون القيمة أصغر من {} أو مساوية لها.",
    "Must be less than {}.": "يجب أن تكون القيمة أصغر من {}.",
    "Must be greater than or equal to {} and less than or equal to {}.": "يجب أن تكون القيمة من {} إلى {}.",
}


def add_languages(app: Flask) -> None:
    @app.after_request
    def say_which(answer: Response) -> Response:
        if (spoken := g.get("spoken")) is not None:
            answer.content_language.add(spoken)
            answer.vary.add("Accept-Language")
        return answer


def in_callers_language(english: str) -> str:
    """This message as the caller prefers to read it; the answer then says in which language it is."""
    g.spoken = preferred_language(request.headers.get("Accept-Language"))
    return english if g.spoken == ENGLISH else arabic_of(english)


def preferred_language(header: str | None) -> str:
    """The language of ours with the highest quality in an Accept-Language (RFC 9110 12.5.4); ar-SA counts as ar."""
    wishes = [(_tongue(wish), quality) for wish, quality in parse_accept_header(header, LanguageAccept)]

    def quality_of(language: str) -> float:
        named = [quality for tongue, quality in wishes if tongue == language]
        return max(named or [quality for tongue, quality in wishes if tongue == "*"], default=0)

    best = max((*(tongue for tongue, _ in wishes if tongue in LANGUAGES), *LANGUAGES), key=quality_of)
    return best if quality_of(best) > 0 else ENGLISH


def arabic_of(english: str) -> str:
    """The Arabic of a message; what has none stays as it is."""
    if english in IN_ARABIC:
        return IN_ARABIC[english]
    for pattern, arabic in _patterns():
        if (found := pattern.fullmatch(english)) is not None:
            return arabic.format(*found.groups())
    return english


def _tongue(wish: str) -> str:
    return wish.partition("-")[0].lower()


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The messages that name something, those with more fixed words first: `{} and {}` before `{}`."""
    return tuple(
        sorted(((_pattern(english), arabic) for english, arabic in _templates()), key=lambda one: -len(one[0].pattern))
    )


def _templates() -> Iterator[tuple[str, str]]:
    return ((english, arabic) for english, arabic in IN_ARABIC.items() if "{}" in english)


def _pattern(english: str) -> re.Pattern[str]:
    return re.compile("(.+)".join(re.escape(part) for part in english.split("{}")), re.DOTALL)
