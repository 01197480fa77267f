"""Every setting: its kind, its default, and what it is."""

from marshmallow import EXCLUDE, fields, validate

from config.checks import HoldTogether
from config.kinds import (
    LONG_ENOUGH,
    WEB_ADDRESS,
    DatabaseAddress,
    FilePath,
    Minutes,
    Ports,
    PublicKey,
    SecretText,
    address,
    flower_password,
    further_secrets,
    places,
    requests,
    seconds,
    secret,
)
from repositories.entities.reminders import DEFAULT_MINUTES


class SettingsSchema(HoldTogether):
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
