"""What settings must hold together, and what the sandbox fills in."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validates_schema

LEASE_TO_TIMEOUT = 2  # a lease outlives the longest call this many times
CALLS = ("videosdk_timeout", "fcm_timeout", "database_timeout")

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


class HoldTogether(Schema):
    @pre_load
    def fill_sandbox_defaults(self, given: dict[str, Any], **_: Any) -> dict[str, Any]:
        is_sandbox = given.get("sandbox", "").lower() in {str(word).lower() for word in fields.Boolean.truthy}
        return SANDBOX_DEFAULTS | given if is_sandbox else given

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
