"""Configuration: read once, frozen, and everything that is missing or wrong is named at once.

A setting is the environment variable TAHOON_<NAME>, or a line of `.env`; the environment wins. Durations are seconds.
TAHOON_<NAME>_FILE names a file that holds the setting instead, as container platforms mount secrets.
A secret, an address of a database and the broker have no default outside the sandbox.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate, validates_schema
from marshmallow.exceptions import SCHEMA

from databases.addresses import address_of
from databases.strings import ConnectionStringWrong
from integrations.videosdk.webhooks import KeyUnusable, public_key
from repositories.entities.reminders import DEFAULT_MINUTES, LONGEST, MOST_REMINDERS, SHORTEST

PREFIX = "TAHOON_"
FILE = "_file"  # at the end of a setting's name
LEASE_TO_TIMEOUT = 2  # a lease outlives the longest call this many times

# Known to everyone, so refused outside the sandbox.
SANDBOX_DEFAULTS = {
    "id_key": "sandbox-only-id-key-0000000000000000",
    "jwt_key": "sandbox-only-jwt-key-000000000000000",
    "seal_key": "sandbox-only-seal-key-00000000000000",
    "audit_key": "sandbox-only-audit-key-0000000000000",
    "flower_viewer_password": "sandbox-only-viewer-password-000000",
    "flower_operator_password": "sandbox-only-operator-password-0000",
    "ops_key": "sandbox-only-ops-key-000000000000000",
    "psyter_db_url": "sqlite:///var/psyter.db",
    "scheduling_db_url": "sqlite:///var/scheduling.db",
    "redis_url": "redis://127.0.0.1:6379/0",
    "fcm_service_account_file": "var/sandbox-service-account.json",
    "webhook_insecure": "1",
}
SECRETS = (
    "id_key",
    "jwt_key",
    "seal_key",
    "audit_key",
    "ops_key",
    "flower_viewer_password",
    "flower_operator_password",
)
FURTHER_SECRETS = ("jwt_keys_accepted", "seal_keys_accepted")
SHORTEST_SECRET = 32  # characters


class SettingsWrong(Exception):
    """Settings are missing or contradict each other; the message has one line for each."""


class Secret(str):
    """A text that does not show itself in a repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(***)"


@dataclass(frozen=True, kw_only=True)
class Settings:
    sandbox: bool
    psyter_db_url: Secret
    scheduling_db_url: Secret
    connection_key: Secret | None
    database_timeout: timedelta
    redis_url: Secret
    id_key: Secret
    jwt_key: Secret
    jwt_keys_accepted: tuple[Secret, ...]
    jwt_issuer: str
    jwt_audience: str
    token_lifetime: timedelta
    refresh_lifetime: timedelta
    refresh_grace: timedelta
    seal_key: Secret
    seal_keys_accepted: tuple[Secret, ...]
    videosdk_api_endpoint: str | None  # None: the one of CatAppConfigSetting
    videosdk_timeout: timedelta
    videosdk_public_key: str | None  # PEM; None: asked of VideoSDK
    public_url: str | None  # base address of the API as the world sees it; None: VideoSDK reports nothing
    fcm_endpoint: str
    fcm_service_account_file: Path
    fcm_timeout: timedelta
    rate_limit: int
    rate_limit_token: int
    rate_limit_booking: int
    rate_limit_search: int
    rate_limit_polling: int
    rate_limit_report: int
    rate_limit_sign_in: int
    trusted_proxies: int
    videosdk_places: int
    fcm_places: int
    breaker_failures: int
    breaker_open_for: timedelta
    audit_key: Secret
    ops_key: Secret
    ops_idle: timedelta
    ops_lifetime: timedelta
    seal_audit_every: timedelta
    webhook_timeout: timedelta
    webhook_lease: timedelta
    webhook_slots: int
    webhook_threads: int
    webhook_ports: tuple[int, ...]
    webhook_insecure: bool
    webhook_certificates: Path | None
    webhook_overlap: timedelta
    webhook_disable_after: timedelta
    lease: timedelta
    saga_max_age: timedelta
    sweep_every: timedelta
    reconcile_every: timedelta
    copy_facts_every: timedelta
    reminders: tuple[int, ...]
    reminders_every: timedelta
    reminder_latest: timedelta
    purge_every: timedelta
    keep_sagas: timedelta
    keep_events: timedelta
    keep_reports: timedelta
    keep_tokens: timedelta
    retry_pace: float
    flower_path: str
    flower_viewer_password: Secret | None  # of Flower only: None in every other process
    flower_operator_password: Secret | None
    api_threads: int
    worker_threads: int
    log_level: str
    metrics_token: Secret | None  # None: nothing is counted, and /metrics is not there
    metrics_dir: Path | None
    metrics_port: int | None
    otlp_endpoint: str | None  # base address of an OpenTelemetry collector; None: nothing is traced


class SecretText(fields.String):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Secret:
        return Secret(super()._deserialize(value, attr, data, **kwargs))


class SecretTexts(fields.String):
    """Secrets with commas between."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        texts = super()._deserialize(value, attr, data, **kwargs).split(",")
        given = tuple(Secret(text.strip()) for text in texts if text.strip())
        if any(len(one) < SHORTEST_SECRET for one in given):
            raise ValidationError(f"Each must be {SHORTEST_SECRET} characters or more, with commas between.")
        return given


class PublicKey(fields.String):
    """An RSA public key in PEM, whose line ends an environment variable may hold as `\\n`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        pem: str = super()._deserialize(value, attr, data, **kwargs).replace("\\n", "\n")
        try:
            public_key(pem)
        except KeyUnusable:
            raise ValidationError("Must be an RSA public key in PEM.") from None
        return pem


class Ports(fields.String):
    """Port numbers with commas between."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        texts = [text.strip() for text in super()._deserialize(value, attr, data, **kwargs).split(",")]
        if not all(text.isascii() and text.isdigit() and 0 < int(text) < 65_536 for text in texts):
            raise ValidationError("Must be port numbers, with commas between.")
        return tuple(int(text) for text in texts)


class Minutes(fields.String):
    """Minutes before a session, with commas between; none: an empty list is `0`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        given = super()._deserialize(value, attr, data, **kwargs).split(",")
        if not all(text.strip().isdecimal() for text in given):
            raise ValidationError("Must be whole minutes, with commas between.")
        minutes = {int(text) for text in given} - {0}
        if len(minutes) > MOST_REMINDERS or not all(SHORTEST <= one <= LONGEST for one in minutes):
            raise ValidationError(f"At most {MOST_REMINDERS}, each {SHORTEST} to {LONGEST}; or 0 for none.")
        return tuple(sorted(minutes, reverse=True))


class FilePath(fields.String):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return Path(super()._deserialize(value, attr, data, **kwargs))


def seconds(default: float, help_text: str, *, at_least: float = 0.01) -> fields.TimeDelta:
    return fields.TimeDelta(
        metadata={"help": help_text},
        precision="milliseconds",
        load_default=timedelta(seconds=default),
        validate=validate.Range(min=timedelta(seconds=at_least), error=f"Must be {at_least} seconds or more."),
    )


def requests(default: int, help_text: str) -> fields.Integer:
    return fields.Integer(
        load_default=default,
        validate=validate.Range(min=1),
        metadata={"help": f"requests a minute {help_text}"},
    )


class DatabaseAddress(SecretText):
    """A SQLAlchemy address; a connection string in the manner of ADO.NET becomes one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Secret:
        given = super()._deserialize(value, attr, data, **kwargs)
        try:
            return Secret(address_of(given, key=data.get("connection_key")))
        except ConnectionStringWrong as wrong:
            raise ValidationError(f"Cannot be used: {wrong}.") from None


def address(help_text: str) -> SecretText:
    return SecretText(required=True, validate=validate.Length(min=1), metadata={"help": help_text})


def secret(help_text: str) -> SecretText:
    return SecretText(required=True, validate=LONG_ENOUGH, metadata={"help": help_text})


def flower_password(help_text: str) -> SecretText:
    """Sent as HTTP Basic, which says nothing of what is not ASCII."""
    return SecretText(
        load_default=None,
        validate=validate.Regexp(r"\A[!-~]{16,}\Z", error="Must be 16 or more ASCII letters, digits and signs."),
        metadata={"help": help_text},
    )


def further_secrets(help_text: str) -> SecretTexts:
    return SecretTexts(load_default=(), metadata={"help": help_text})


def places(service: str) -> fields.Integer:
    return fields.Integer(
        load_default=12,
        validate=validate.Range(min=1, max=10_000),
        metadata={
            "help": f"calls of {service} at one time, by all workers together; "
            "fewer than their threads, so that it never takes all of them"
        },
    )


LONG_ENOUGH = validate.Length(min=SHORTEST_SECRET, error=f"Must be {SHORTEST_SECRET} characters or more.")
WEB_ADDRESS = validate.URL(schemes={"http", "https"}, require_tld=False)
CALLS = ("videosdk_timeout", "fcm_timeout", "database_timeout")
DURATIONS = (
    "database_timeout",
    "token_lifetime",
    "refresh_lifetime",
    "refresh_grace",
    "videosdk_timeout",
    "fcm_timeout",
    "breaker_open_for",
    "lease",
    "saga_max_age",
    "sweep_every",
    "seal_audit_every",
    "ops_idle",
    "ops_lifetime",
    "reconcile_every",
    "copy_facts_every",
    "reminders_every",
    "reminder_latest",
    "purge_every",
    "keep_sagas",
    "keep_events",
    "keep_reports",
    "keep_tokens",
    "webhook_timeout",
    "webhook_lease",
    "webhook_overlap",
    "webhook_disable_after",
)


class SettingsSchema(Schema):
    """Every setting, by its name in lower case and without the prefix."""

    class Meta:
        unknown = EXCLUDE

    sandbox = fields.Boolean(
        load_default=False, metadata={"help": "everything on this machine, with the sandbox's own keys"}
    )
    psyter_db_url = DatabaseAddress(
        required=True, metadata={"help": "PsyterDatabase: a SQLAlchemy address or a connection string"}
    )
    scheduling_db_url = DatabaseAddress(
        required=True, metadata={"help": "SchedulingDatabase: a SQLAlchemy address or a connection string"}
    )
    connection_key = SecretText(
        load_default=None,
        validate=LONG_ENOUGH,
        metadata={"help": "decrypts the segments of connection strings that are encrypted"},
    )
    database_timeout = seconds(10, "of one statement, and of connecting; not on SQLite", at_least=1)
    redis_url = address("Celery broker")
    id_key = secret("encrypts ids on the wire")
    jwt_key = secret("signs access tokens")
    jwt_keys_accepted = further_secrets("keys that also verify access tokens, while `TAHOON_JWT_KEY` changes")
    jwt_issuer = fields.String(load_default="psyter.com", metadata={"help": "`iss` of access tokens"})
    jwt_audience = fields.String(load_default="psyter_client", metadata={"help": "`aud` of access tokens"})
    token_lifetime = seconds(86_400, "how long an access token is good", at_least=1)
    refresh_lifetime = seconds(2_592_000, "how long a refresh token is good; each use begins it anew", at_least=1)
    refresh_grace = seconds(60, "how long a used refresh token still answers its successor", at_least=0)
    seal_key = secret("seals the organizations' SharedAPIKey")
    seal_keys_accepted = further_secrets("keys that open older seals, while `TAHOON_SEAL_KEY` changes")
    videosdk_api_endpoint = fields.String(
        load_default=None,
        validate=WEB_ADDRESS,
        metadata={"help": "address of VideoSDK; without it the one of CatAppConfigSetting, group 25"},
    )
    videosdk_timeout = seconds(10, "of one call")
    videosdk_public_key = PublicKey(
        load_default=None,
        metadata={"help": "verifies VideoSDK's webhooks: PEM, `\\n` for its line ends; asked of VideoSDK where absent"},
    )
    public_url = fields.String(
        load_default=None,
        validate=[WEB_ADDRESS, validate.Length(max=400)],
        metadata={"help": "base address under which VideoSDK reaches the API with its webhooks; absent: it sends none"},
    )
    fcm_endpoint = fields.String(
        load_default="https://fcm.googleapis.com", validate=WEB_ADDRESS, metadata={"help": "address of FCM"}
    )
    fcm_service_account_file = FilePath(required=True, metadata={"help": "JSON key of the Firebase service account"})
    fcm_timeout = seconds(5, "of one call")
    rate_limit = requests(100, "of each kind that has no limit of its own")
    rate_limit_token = requests(30, "for tokens, of one address and of one access key")
    rate_limit_booking = requests(100, "that book, cancel or move a session")
    rate_limit_search = requests(100, "that search care providers and their schedules")
    rate_limit_polling = requests(300, "that ask how something stands")
    rate_limit_report = requests(6000, "of VideoSDK's webhooks, of one address")
    rate_limit_sign_in = requests(10, "to sign in to the console, of one address and of one operator")
    trusted_proxies = fields.Integer(
        load_default=0,
        validate=validate.Range(min=0, max=10),
        metadata={"help": "proxies in front of the API that append to X-Forwarded-For; 0: none, the header is ignored"},
    )
    videosdk_places = places("VideoSDK")
    fcm_places = places("FCM")
    breaker_failures = fields.Integer(
        load_default=5,
        validate=validate.Range(min=1, max=1000),
        metadata={"help": "failures in a row after which an outside service is not asked for a while"},
    )
    breaker_open_for = seconds(10, "how long it is not asked then, before one call tries whether it answers again")
    audit_key = secret("seals the audit log; keep it as long as the log")
    ops_key = secret("signs the sessions of the console")
    ops_idle = seconds(1800, "how long an operator may do nothing before the console asks for the password", at_least=1)
    ops_lifetime = seconds(43_200, "how long a session of the console lasts at most", at_least=1)
    seal_audit_every = seconds(1, "how often beat has new deeds sealed into the audit log", at_least=0.1)
    webhook_timeout = seconds(15, "of one delivery of a webhook, from the connection on to the end of its answer")
    webhook_lease = seconds(
        60, "how long a worker holds a delivery without a word; longer than twice its time-out, and resolving a name"
    )
    webhook_slots = fields.Integer(
        load_default=4,
        validate=validate.Range(min=1, max=1000),
        metadata={"help": "deliveries to one webhook endpoint at one time, by all workers together"},
    )
    webhook_threads = fields.Integer(
        load_default=8,
        validate=validate.Range(min=1, max=1000),
        metadata={"help": "of one worker process, that deliver webhooks at one time"},
    )
    webhook_ports = Ports(load_default=(443,), metadata={"help": "of webhook endpoints, with commas between"})
    webhook_insecure = fields.Boolean(
        load_default=False,
        metadata={"help": "webhooks also go to http addresses, to any port and to this machine; in the sandbox only"},
    )
    webhook_certificates = FilePath(
        load_default=None,
        metadata={"help": "authorities that webhook endpoints' certificates may be of; without it the machine's own"},
    )
    webhook_overlap = seconds(86_400, "how long the secret before it signs too, after a rotation", at_least=0)
    webhook_disable_after = seconds(
        432_000, "how long a webhook endpoint may fail, without one delivery, before it is disabled", at_least=1
    )
    lease = seconds(30, "how long a worker holds a saga without writing; longer than twice the longest time-out")
    saga_max_age = seconds(600, "a booking still before its confirmation after so long is undone")
    sweep_every = seconds(1, "how often beat looks for sagas that are due", at_least=0.1)
    reconcile_every = seconds(3600, "how often beat has bookings, orders and rooms compared", at_least=1)
    copy_facts_every = seconds(
        60, "how often beat has what care providers can be filtered by copied to where searches read it", at_least=1
    )
    reminders = Minutes(
        load_default=DEFAULT_MINUTES,
        metadata={"help": "minutes before a session at which users and care providers who chose nothing are reminded"},
    )
    reminders_every = seconds(5, "how often beat looks for reminders that are due", at_least=0.1)
    reminder_latest = seconds(1800, "how long after its time a reminder is still sent", at_least=1)
    purge_every = seconds(3600, "how often beat has what is older than the following forgotten", at_least=1)
    keep_sagas = seconds(
        7_776_000, "finished sagas with their timelines, and pushes, after the end of the session", at_least=604_800
    )
    keep_events = seconds(
        7_776_000, "events after the end of the session, and webhook deliveries after theirs", at_least=86_400
    )
    keep_reports = seconds(2_592_000, "VideoSDK's webhooks, after they were worked through", at_least=86_400)
    keep_tokens = seconds(604_800, "refresh tokens and their families, after they expired", at_least=86_400)
    retry_pace = fields.Float(
        load_default=1.0,
        validate=validate.Range(min=0.001, max=100),
        metadata={"help": "multiplies every wait between tries"},
    )
    flower_path = fields.String(
        load_default="/flower",
        validate=validate.Regexp(
            r"\A(/|(/[A-Za-z0-9_-]+)+)\Z", error="Must be like /flower: letters, digits, _ and - behind each /."
        ),
        metadata={"help": "path that Flower is behind; `/` for none"},
    )
    flower_viewer_password = flower_password("of Flower's login `viewer`, who sees everything and changes nothing")
    flower_operator_password = flower_password(
        "of Flower's login `operator`, who may also revoke tasks and stop workers"
    )
    api_threads = fields.Integer(
        load_default=32, validate=validate.Range(min=1, max=1000), metadata={"help": "of one API process"}
    )
    worker_threads = fields.Integer(
        load_default=16, validate=validate.Range(min=1, max=1000), metadata={"help": "of one worker process"}
    )
    log_level = fields.String(
        load_default="INFO",
        validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]),
        metadata={"help": "DEBUG, INFO, WARNING or ERROR"},
    )
    metrics_token = SecretText(
        load_default=None,
        validate=LONG_ENOUGH,
        metadata={"help": "shows that Prometheus asks for `/metrics`; without it nothing is counted or told"},
    )
    metrics_dir = FilePath(
        load_default=None,
        metadata={
            "help": "where processes of one machine keep what they count, best in memory; without it a folder of "
            "its own in `/dev/shm`"
        },
    )
    metrics_port = fields.Integer(
        load_default=None,
        validate=validate.Range(min=1, max=65535),
        metadata={"help": "a worker answers `/metrics` here, where it shares no METRICS_DIR with an API"},
    )
    otlp_endpoint = fields.String(
        load_default=None,
        validate=WEB_ADDRESS,
        metadata={
            "help": "base address of an OpenTelemetry collector (OTLP over HTTP, often port 4318); without it nothing "
            "is traced"
        },
    )

    @pre_load
    def fill_sandbox_defaults(self, given: dict[str, Any], **_: Any) -> dict[str, Any]:
        is_sandbox = given.get("sandbox", "").lower() in {str(word).lower() for word in fields.Boolean.truthy}
        filled = SANDBOX_DEFAULTS | given if is_sandbox else dict(given)
        for name in DURATIONS:
            if name in filled:
                filled[name] = _milliseconds(filled[name])
        return filled

    @validates_schema(skip_on_field_errors=True)
    def lease_outlives_every_call(self, settings: dict[str, Any], **_: Any) -> None:
        longest = max(settings[name] for name in CALLS)
        if settings["lease"] <= LEASE_TO_TIMEOUT * longest:
            raise ValidationError(
                f"Must be longer than {LEASE_TO_TIMEOUT} x the longest time-out "
                f"({', '.join(CALLS).upper()}: {longest.total_seconds():g} s), or a slow call loses its lease.",
                "lease",
            )

    @validates_schema(skip_on_field_errors=True)
    def webhook_lease_outlives_a_delivery(self, settings: dict[str, Any], **_: Any) -> None:
        if settings["webhook_lease"] <= LEASE_TO_TIMEOUT * settings["webhook_timeout"]:
            raise ValidationError(f"Must be longer than {LEASE_TO_TIMEOUT} x WEBHOOK_TIMEOUT.", "webhook_lease")

    @validates_schema(skip_on_field_errors=True)
    def refresh_tokens_outlive_access_tokens(self, settings: dict[str, Any], **_: Any) -> None:
        if settings["refresh_lifetime"] < settings["token_lifetime"] + settings["refresh_grace"]:
            raise ValidationError(
                "Must be as long as TOKEN_LIFETIME and REFRESH_GRACE together, or a family ends before its tokens.",
                "refresh_lifetime",
            )

    @validates_schema(skip_on_field_errors=False)
    def demo_secrets_stay_in_the_sandbox(self, settings: dict[str, Any], **_: Any) -> None:
        if settings.get("sandbox"):
            return
        named = (*SECRETS, *FURTHER_SECRETS)
        known = {name: ["Is the sandbox's own; make one of your own."] for name in named if _is_demo(settings, name)}
        if known:
            raise ValidationError(known)

    @validates_schema(skip_on_field_errors=True)
    def webhooks_leave_the_machine_outside_the_sandbox(self, settings: dict[str, Any], **_: Any) -> None:
        if settings["webhook_insecure"] and not settings["sandbox"]:
            raise ValidationError("Only in the sandbox: partners choose the addresses.", "webhook_insecure")

    @validates_schema(skip_on_field_errors=True)
    def flowers_logins_are_two(self, settings: dict[str, Any], **_: Any) -> None:
        password = settings["flower_operator_password"]
        if password is not None and password == settings["flower_viewer_password"]:
            raise ValidationError("Must not be FLOWER_VIEWER_PASSWORD.", "flower_operator_password")

    @validates_schema(skip_on_field_errors=True)
    def sagas_outlive_their_reconciliation(self, settings: dict[str, Any], **_: Any) -> None:
        if settings["keep_sagas"] <= 2 * settings["reconcile_every"]:
            raise ValidationError("Must be longer than 2 x RECONCILE_EVERY: it is what that reads.", "keep_sagas")

    @validates_schema(skip_on_field_errors=True)
    def a_port_for_metrics_asks_for_their_token(self, settings: dict[str, Any], **_: Any) -> None:
        if settings["metrics_port"] is not None and settings["metrics_token"] is None:
            raise ValidationError("Needs METRICS_TOKEN.", "metrics_port")

    @validates_schema(skip_on_field_errors=True)
    def the_databases_are_two(self, settings: dict[str, Any], **_: Any) -> None:
        if settings["psyter_db_url"] == settings["scheduling_db_url"]:
            raise ValidationError("Must not be the database of PSYTER_DB_URL.", "scheduling_db_url")


def _is_demo(settings: Mapping[str, Any], name: str) -> bool:
    given = settings.get(name)
    known = {SANDBOX_DEFAULTS[secret] for secret in SECRETS}
    return not known.isdisjoint(given if isinstance(given, tuple) else (given,))


def _milliseconds(text: str) -> str:
    """Seconds as the milliseconds that the schema reads; what is no number passes, for the schema to refuse."""
    try:
        return str(round(float(text) * 1000))
    except (ValueError, OverflowError):
        return text


def given_settings(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """What is set in `environment`, else in this process's environment and `.env`, by the names of the schema.

    Raises SettingsWrong if a file that a setting names cannot be read.
    """
    given, wrong = _given(environment)
    if wrong:
        raise SettingsWrong(_in_plain_words(wrong))
    return given


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings. Raises SettingsWrong."""
    given, wrong = _given(environment)
    try:
        settings = SettingsSchema().load(given)
    except ValidationError as error:
        in_files = {name.removesuffix(FILE) for name in wrong}
        wrong |= {name: said for name, said in error.messages_dict.items() if name not in in_files}
    if wrong:
        raise SettingsWrong(_in_plain_words(wrong))
    return Settings(**settings)


def _given(environment: Mapping[str, str] | None) -> tuple[dict[str, str], dict[str, Any]]:
    """What is set, files read, and what is wrong with the files."""
    if environment is None:
        environment = {k: v for k, v in dotenv_values(".env").items() if v is not None} | dict(os.environ)
    named = {k.removeprefix(PREFIX).lower(): v for k, v in environment.items() if k.startswith(PREFIX) and v != ""}
    in_files = {name for name in named if name.removesuffix(FILE) in SettingsSchema._declared_fields.keys() - {name}}
    given = {name: value for name, value in named.items() if name not in in_files}
    wrong: dict[str, Any] = {}
    for name in in_files:
        setting = name.removesuffix(FILE)
        if setting in given:
            wrong[name] = [f"Is given beside {PREFIX}{setting.upper()}: one of the two must go."]
            continue
        try:
            given[setting] = Path(named[name]).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            wrong[name] = [f"Cannot be read: {type(error).__name__}."]
    return given, wrong


def _in_plain_words(messages: Mapping[str, Any]) -> str:
    lines = [
        f"  {PREFIX}{name.upper()}: {' '.join(found)}" for name, found in sorted(messages.items()) if name != SCHEMA
    ]
    return "The settings are not complete:\n" + "\n".join(lines) + "\nSet them in the environment or in .env."
