"""Demo data from a seed: two partner organizations, their users, care providers in English and Arabic, and slots.

`python -m demo.data --providers 10000 --days 30` makes large sets. Filling again adds only what is missing: the slots
of the days that have come into reach since.
"""

import argparse
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from random import Random
from typing import Any

from sqlalchemy import Table, func, insert, select

from config import read_settings
from repositories.database import Database, count_on, open_database
from repositories.enums import GenderType, ProviderLevel, QualificationKind, QuestionType, Role, SettingGroup
from repositories.psyter_db import tables as psyter_tables
from repositories.psyter_db.provider_facts import SqlKnownFacts
from repositories.scheduling_db import tables as scheduling_tables
from repositories.scheduling_db.calendars import SqlCalendars
from repositories.scheduling_db.provider_facts import SqlCopiedFacts
from saga.copy_facts import CopyFacts

CHARITY, ORDINARY = 1, 2
CHARITY_BALANCE = 50_000_00
USERS_EACH = 5
BATCH = 10_000
LENGTHS = (30, 45, 50, 60)  # minutes; ids of slot_durations are their places from 1
BREAK = timedelta(minutes=10)
AT_ONCE = 500  # calendars
CLOSED_SHARE = 0.03

LANGUAGES = [("English", "الإنجليزية"), ("Arabic", "العربية"), ("French", "الفرنسية"), ("Urdu", "الأردية")]
SPECIALTIES = [
    ("Anxiety", "القلق"),
    ("Depression", "الاكتئاب"),
    ("Family therapy", "العلاج الأسري"),
    ("Trauma", "الصدمات النفسية"),
    ("Addiction", "الإدمان"),
    ("Child psychology", "علم نفس الطفل"),
]
EXPERIENCE = [
    ("Up to 5 years", "حتى ٥ سنوات"),
    ("5 to 10 years", "من ٥ إلى ١٠ سنوات"),
    ("Over 10 years", "أكثر من ١٠ سنوات"),
]
EXPERIENCE_FROM = (0, 5, 11)  # years
LEVELS = [("Junior", "مبتدئ"), ("Senior", "أول"), ("Consultant", "استشاري")]
QUESTIONNAIRE = 1  # its version
QUESTIONS: list[tuple[str, str, bool, int | None, list[tuple[str, str]]]] = [
    (
        "How have you been sleeping lately?",
        "كيف كان نومك في الفترة الأخيرة؟",
        True,
        None,
        [("Well", "جيدًا"), ("With interruptions", "بشكل متقطع"), ("Hardly at all", "بالكاد أنام")],
    ),
    (
        "How often are worries hard to put aside?",
        "كم مرة يصعب عليك التخلص من القلق؟",
        True,
        None,
        [("Rarely", "نادرًا"), ("On some days", "في بعض الأيام"), ("Most of the time", "معظم الوقت")],
    ),
    ("Have you been in therapy before?", "هل سبق لك تلقي علاج نفسي؟", False, None, [("Yes", "نعم"), ("No", "لا")]),
    ("What would you like help with?", "ما الذي ترغب في المساعدة بشأنه؟", True, 500, []),
    ("Is there anything else to know?", "هل هناك أمر آخر تود ذكره؟", False, 2000, []),
]
GIVEN = {
    GenderType.FEMALE: [("Sarah", "سارة"), ("Layla", "ليلى"), ("Noor", "نور"), ("Huda", "هدى"), ("Mariam", "مريم")],
    GenderType.MALE: [("Ahmed", "أحمد"), ("Omar", "عمر"), ("Khalid", "خالد"), ("Yusuf", "يوسف"), ("Faisal", "فيصل")],
}
FAMILY = [
    ("Ahmed", "أحمد"),
    ("Al-Harbi", "الحربي"),
    ("Haddad", "حداد"),
    ("Mansour", "منصور"),
    ("Al-Qahtani", "القحطاني"),
]
TITLES = [("Psychologist", "أخصائي نفسي"), ("Psychiatrist", "طبيب نفسي"), ("Counsellor", "مستشار نفسي")]
COUNTRIES = {
    "Asia/Riyadh": "SA",
    "Africa/Cairo": "EG",
    "Europe/London": "GB",
    "Asia/Kathmandu": "NP",
    "Asia/Kolkata": "IN",
}
UNIVERSITIES = [("King Saud University", "جامعة الملك سعود"), ("Cairo University", "جامعة القاهرة")]
COMMISSION = ("Commission for Health Specialties", "هيئة التخصصات الصحية")
ZONES = ["Asia/Riyadh"] * 12 + ["Africa/Cairo", "Europe/London", "Asia/Kathmandu", "Asia/Kolkata"]


@dataclass(frozen=True, kw_only=True)
class DemoPartner:
    """A partner organization with what it needs to call the API; known to everyone, so for the sandbox only."""

    organization_id: int
    name: str
    is_charity: bool
    access_key: str = field(repr=False)
    read_only_key: str = field(repr=False)
    granted_key: str | None = field(default=None, repr=False)  # with the scopes that come by grant only
    shared_api_key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class DemoData:
    charity: DemoPartner
    ordinary: DemoPartner
    care_providers: int
    slots: int


def fill(
    psyter: Database,
    scheduling: Database,
    *,
    seed: int,
    providers: int,
    days: int,
    today: date,
    seal: Callable[[str], str],
    videosdk: Mapping[str, str],
    tell: Callable[[str], None] = lambda _line: None,
) -> DemoData:
    """Fill both databases, or add what is missing; `tell` hears of progress. The same seed gives the same data."""
    charity, ordinary = (partner_of(seed, number) for number in (CHARITY, ORDINARY))
    if _count(psyter, psyter_tables.organizations) == 0:
        psyter.write(lambda connection: _add_partners(connection, (charity, ordinary), seal, videosdk))
        _add_all(psyter, psyter_tables.care_providers, _care_providers(seed, providers), tell)
        _add_all(psyter, psyter_tables.care_provider_languages, _links(seed, providers, "language", LANGUAGES), tell)
        specialties = _links(seed, providers, "specialty", SPECIALTIES)
        _add_all(psyter, psyter_tables.care_provider_specialties, specialties, tell)
        _add_all(psyter, psyter_tables.care_provider_qualifications, _qualifications(seed, providers), tell)
        _add_all(psyter, psyter_tables.care_provider_images, _images(providers), tell)
        _add_all(psyter, psyter_tables.managed_care_providers, _managed(providers), tell)
        psyter.write(lambda connection: count_on(connection, psyter_tables.organizations, psyter_tables.care_providers))
        scheduling.write(_add_durations)
    first = max(today, _first_empty_day(scheduling) or today)
    known = _count(psyter, psyter_tables.care_providers)
    spans = [(provider, day) for day in _days(first, today + timedelta(days=days)) for provider in range(1, known + 1)]
    _add_all(scheduling, scheduling_tables.provider_hours, (_hours(seed, *span) for span in spans), tell)
    slots = (slot for span in spans for slot in _slots(seed, *span))
    _add_all(scheduling, scheduling_tables.slots, slots, tell)
    make_searchable(psyter, scheduling)
    return DemoData(
        charity=charity,
        ordinary=ordinary,
        care_providers=known,
        slots=_count(scheduling, scheduling_tables.slots),
    )


def partner_of(seed: int, number: int) -> DemoPartner:
    name = {CHARITY: "Hope Charity جمعية الأمل", ORDINARY: "Wellness Partner"}[number]
    word = {CHARITY: "charity", ORDINARY: "partner"}[number]
    return DemoPartner(
        organization_id=number,
        name=name,
        is_charity=number == CHARITY,
        access_key=f"demo-{word}-key-{seed}",
        read_only_key=f"demo-{word}-read-only-key-{seed}",
        granted_key=f"demo-{word}-granted-key-{seed}" if number == CHARITY else None,
        shared_api_key=f"demo-{word}-shared-key-{seed}",
    )


# --- PsyterDatabase ----------------------------------------------------------------------


def _add_partners(
    connection: Any, partners: Iterable[DemoPartner], seal: Callable[[str], str], videosdk: Mapping[str, str]
) -> None:
    t = psyter_tables
    for table, rows in (
        (t.languages, LANGUAGES),
        (t.specialties, SPECIALTIES),
        (t.experience_levels, EXPERIENCE),
        (t.provider_levels, LEVELS),
    ):
        names: list[dict[str, Any]] = [
            {"id": n, "name_plang": plang, "name_slang": slang} for n, (plang, slang) in enumerate(rows, 1)
        ]
        if table is t.experience_levels:
            names = [{**name, "min_years": years} for name, years in zip(names, EXPERIENCE_FROM, strict=True)]
        connection.execute(insert(table), names)
    _add_questionnaire(connection)
    for partner in partners:
        connection.execute(insert(t.organizations), _organization_row(partner, seal))
        connection.execute(insert(t.organization_access_keys), list(_key_rows(partner)))
        connection.execute(insert(t.users), list(_user_rows(partner)))
        if partner.is_charity:
            balance = {"organization_id": partner.organization_id, "balance_minor": CHARITY_BALANCE} | {
                "deposited_minor": CHARITY_BALANCE
            }
            connection.execute(insert(t.organization_balances), balance)
    connection.execute(insert(t.cat_app_config_settings), list(_setting_rows(videosdk)))


def _add_questionnaire(connection: Any) -> None:
    t = psyter_tables
    published = {"version": QUESTIONNAIRE, "published_at": datetime(2026, 1, 1, tzinfo=UTC)}
    connection.execute(insert(t.screening_questionnaires), published)
    for position, (plang, slang, is_required, longest, options) in enumerate(QUESTIONS, 1):
        question = {
            "id": position,
            "questionnaire_version": QUESTIONNAIRE,
            "position": position,
            "question_type": QuestionType.CHOICE if options else QuestionType.TEXT,
            "is_required": is_required,
            "longest_answer": longest,
            "text_plang": plang,
            "text_slang": slang,
        }
        connection.execute(insert(t.screening_questions), question)
        names = [{"position": n, "name_plang": one, "name_slang": two} for n, (one, two) in enumerate(options, 1)]
        if names:
            connection.execute(
                insert(t.screening_question_options), [name | {"question_id": position} for name in names]
            )
    count_on(connection, t.screening_questions)


def _organization_row(partner: DemoPartner, seal: Callable[[str], str]) -> dict[str, Any]:
    return {
        "id": partner.organization_id,
        "name": partner.name,
        "is_charity": partner.is_charity,
        "is_active": True,
        "sealed_shared_api_key": seal(partner.shared_api_key),
    }


def _key_rows(partner: DemoPartner) -> Iterator[dict[str, Any]]:
    keys = (
        (partner.access_key, Role.FULL_ACCESS, ""),
        (partner.read_only_key, Role.READ_ONLY, ""),
        (partner.granted_key, Role.FULL_ACCESS, "availability:write recordings:read"),
    )
    for key, role, extra_scopes in keys:
        if key is None:
            continue
        yield {
            "organization_id": partner.organization_id,
            "key_digest": hashlib.sha256(key.encode()).hexdigest(),
            "role": role.value,
            "label": f"demo {role.value} {extra_scopes}".strip(),
            "extra_scopes": extra_scopes,
            "is_active": True,
        }


def _user_rows(partner: DemoPartner) -> Iterator[dict[str, Any]]:
    for number in range(1, USERS_EACH + 1):
        gender = GenderType(number % 2)
        given, family = GIVEN[gender][number % 5], FAMILY[number % 5]
        yield {
            "organization_id": partner.organization_id,
            "reference_id": f"DEMO-USER-{number}",
            "name": f"{given[0]} {family[0]}" if number % 2 else f"{given[1]} {family[1]}",
            "dob": date(1980 + number, number, 10 + number),
            "gender": gender,
            "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        }


def _setting_rows(videosdk: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    groups: dict[SettingGroup, Mapping[str, str]] = {
        SettingGroup.VIDEO_SDK: {
            "VIDEOSDK_API_ENDPOINT": "https://api.videosdk.live",
            "VIDEO_SDK_ENABLE_RECORDING": "true",
            **videosdk,
        },
        SettingGroup.PSYTER: {"SUPPORT_EMAIL": "support@example.com"},
    }
    for group, values in groups.items():
        for name, value in values.items():
            yield {"group_id": int(group), "name": name, "value": value}


def _care_providers(seed: int, providers: int) -> Iterator[dict[str, Any]]:
    for number in range(1, providers + 1):
        draw = Random(f"{seed}-provider-{number}")
        gender = draw.choice(list(GenderType))
        (given, given_ar), (family, family_ar) = draw.choice(GIVEN[gender]), draw.choice(FAMILY)
        level = draw.choice(list(ProviderLevel))
        title, title_ar = TITLES[number % len(TITLES)]
        zone = draw.choice(ZONES)
        yield {
            "id": number,
            "full_name_plang": f"Dr. {given} {family}",
            "full_name_slang": f"د. {given_ar} {family_ar}",
            "gender": gender,
            "experience_years": 5 * level - 4 + draw.randrange(6),
            "provider_level_id": int(level),
            "hourly_rate_minor": 100_00 * level + 10_00 * draw.randrange(10),
            "rating_hundredths": draw.randrange(350, 501),
            "time_zone": zone,
            "profile_image_url": f"https://images.example.com/providers/{number}.jpg",
            "bio_plang": f"{LEVELS[level - 1][0]} therapist. Sessions by video, audio or text.",
            "bio_slang": f"معالج {LEVELS[level - 1][1]}. جلسات بالفيديو أو الصوت أو النص.",
            "is_active": True,
            "title_plang": title,
            "title_slang": title_ar,
            "short_bio_plang": f"{LEVELS[level - 1][0]} therapist.",
            "short_bio_slang": f"معالج {LEVELS[level - 1][1]}.",
            "country_code": COUNTRIES[zone],
            "reviews_count": draw.randrange(200),
        }


def _qualifications(seed: int, providers: int) -> Iterator[dict[str, Any]]:
    """A licence and a degree each, and a certificate for every second one."""
    for number in range(1, providers + 1):
        draw = Random(f"{seed}-qualifications-{number}")
        year = draw.randrange(1990, 2015)
        rows = [
            (QualificationKind.CREDENTIAL, ("Licence to practise", "ترخيص مزاولة المهنة"), COMMISSION, f"L-{number}"),
            (QualificationKind.EDUCATION, ("MSc Psychology", "ماجستير علم النفس"), draw.choice(UNIVERSITIES), ""),
            (QualificationKind.CERTIFICATION, ("Cognitive therapy", "العلاج المعرفي"), COMMISSION, f"C-{number}"),
        ]
        for kind, (title, title_ar), (issuer, issuer_ar), own_number in rows[: 3 - number % 2]:
            yield {
                "care_provider_id": number,
                "kind": kind.value,
                "title_plang": title,
                "title_slang": title_ar,
                "issuer_plang": issuer,
                "issuer_slang": issuer_ar,
                "number": own_number,
                "from_year": year,
                "to_year": year + 2 if kind is QualificationKind.EDUCATION else None,
            }


def _images(providers: int) -> Iterator[dict[str, Any]]:
    for number in range(1, providers + 1):
        for position in (1, 2):
            url = f"https://images.example.com/providers/{number}-{position}.jpg"
            yield {"care_provider_id": number, "position": position, "url": url}


def _managed(providers: int) -> Iterator[dict[str, Any]]:
    """Each partner manages every tenth care provider, never the same one."""
    for organization, first in ((ORDINARY, 1), (CHARITY, 2)):
        for number in range(first, providers + 1, 10):
            yield {"organization_id": organization, "care_provider_id": number}


def _links(seed: int, providers: int, name: str, catalogue: list[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    for number in range(1, providers + 1):
        draw = Random(f"{seed}-{name}-{number}")
        for chosen in sorted(draw.sample(range(1, len(catalogue) + 1), k=draw.randint(1, 3))):
            yield {"care_provider_id": number, f"{name}_id": chosen}


# --- SchedulingDatabase ------------------------------------------------------------------


def _add_durations(connection: Any) -> None:
    connection.execute(
        insert(scheduling_tables.slot_durations), [{"id": n, "minutes": m} for n, m in enumerate(LENGTHS, 1)]
    )


def _first_empty_day(scheduling: Database) -> date | None:
    with scheduling.reading() as connection:
        last = connection.execute(select(func.max(scheduling_tables.provider_hours.c.starts_at))).scalar_one()
    return None if last is None else last.date() + timedelta(days=1)


def _days(first: date, end: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((end - first).days))


def _span(seed: int, provider: int, day: date) -> tuple[datetime, datetime]:
    """The provider's hours on this day, in UTC: never over midnight, so a day's slots lie within it."""
    draw = Random(f"{seed}-hours-{provider}-{day}")
    opens = datetime.combine(day, time(draw.randint(5, 12), draw.choice((0, 30))), UTC)
    return opens, opens + timedelta(hours=draw.randint(5, 8))


def _hours(seed: int, provider: int, day: date) -> dict[str, Any]:
    opens, closes = _span(seed, provider, day)
    return {"care_provider_id": provider, "starts_at": opens, "ends_at": closes}


def _slots(seed: int, provider: int, day: date) -> Iterator[dict[str, Any]]:
    draw = Random(f"{seed}-slots-{provider}-{day}")
    starts, closes = _span(seed, provider, day)
    while True:
        place = draw.randrange(len(LENGTHS))
        ends = starts + timedelta(minutes=LENGTHS[place])
        if ends > closes:
            return
        yield {
            "care_provider_id": provider,
            "starts_at": starts,
            "ends_at": ends,
            "slot_duration_id": place + 1,
            "is_open": draw.random() >= CLOSED_SHARE,
        }
        starts = ends + BREAK


def make_searchable(psyter: Database, scheduling: Database) -> None:
    """What was written straight to the tables, written down for searches too."""
    CopyFacts(known=SqlKnownFacts(psyter), copied=SqlCopiedFacts(scheduling))()
    calendars, after = SqlCalendars(scheduling), 0
    while (seen := calendars.rebuild(after=after, limit=AT_ONCE)).upto is not None:
        after = seen.upto


# --- both --------------------------------------------------------------------------------


def _add_all(database: Database, table: Table, rows: Iterable[dict[str, Any]], tell: Callable[[str], None]) -> None:
    """Add the rows in batches, so that memory stays bounded."""
    remaining, added, statement = iter(rows), 0, insert(table)
    while batch := list(islice(remaining, BATCH)):
        database.write(lambda connection, batch=batch: connection.execute(statement, batch))  # type: ignore[misc]
        added += len(batch)
        if added > BATCH:
            tell(f"{table.name}: {added:,} rows")


def _count(database: Database, table: Table) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def main() -> None:
    from api.security.sealing import Sealer
    from integrations.sandbox.videosdk import API_KEY, SECRET_KEY
    from repositories.migrations import upgrade

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--providers", type=int, default=20)
    parser.add_argument("--days", type=int, default=30)
    wanted = parser.parse_args()
    settings = read_settings()
    upgrade(settings.psyter_db_url, tree="psyter_db")
    upgrade(settings.scheduling_db_url, tree="scheduling_db")
    psyter, scheduling = open_database(settings.psyter_db_url), open_database(settings.scheduling_db_url)
    filled = fill(
        psyter,
        scheduling,
        seed=wanted.seed,
        providers=wanted.providers,
        days=wanted.days,
        today=datetime.now(UTC).date(),
        seal=Sealer(settings.seal_key).seal,
        videosdk={"VIDEOSDK_API_KEY": API_KEY, "VIDEOSDK_SECRET_KEY": SECRET_KEY} if settings.sandbox else {},
        tell=print,
    )
    print(f"{filled.care_providers:,} care providers, {filled.slots:,} slots")
    psyter.close()
    scheduling.close()


if __name__ == "__main__":
    main()
