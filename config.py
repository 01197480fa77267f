"""Configuration: read once, frozen, and everything that is missing or wrong is named at once.

A setting is the environment variable TAHOON_<NAME>, or a line of `.env`. A secret has no default outside the sandbox.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path

from environs import Env, EnvError, EnvValidationError, validate

LONGEST_TIMEOUTS_IN_A_LEASE = 2

SANDBOX_SECRETS = {
    "ID_KEY": "sandbox-only-id-key-0000000000000000",
    "JWT_KEY": "sandbox-only-jwt-key-000000000000000",
    "SEAL_KEY": "sandbox-only-seal-key-00000000000000",
}


class SettingsWrong(Exception):
    """Settings are missing or contradict each other; the message has one line for each."""


class Secret(str):
    """A text that does not show itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(***)"


@dataclass(frozen=True, kw_only=True)
class Settings:
    sandbox: bool
    psyter_db_url: Secret
    scheduling_db_url: Secret
    redis_url: Secret

    id_key: Secret
    jwt_key: Secret
    jwt_issuer: str
    jwt_audience: str
    token_lifetime: timedelta
    seal_key: Secret

    videosdk_api_endpoint: str | None  # None: from CatAppConfigSetting
    videosdk_timeout: timedelta
    fcm_endpoint: str
    fcm_service_account_file: Path | None
    fcm_timeout: timedelta

    lease: timedelta
    saga_max_age: timedelta
    sweep_every: timedelta
    retry_pace: float  # multiplies every wait between tries

    api_threads: int
    log_level: str


def read_settings(environment: Mapping[str, str] | None = None, *, dotenv: Path | None = Path(".env")) -> Settings:
    """The settings of this process. Raises SettingsWrong."""
    raise NotImplementedError
