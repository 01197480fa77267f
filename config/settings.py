"""The settings, as the rest of the house knows them."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


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
