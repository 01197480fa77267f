"""SchedulingDatabase: provider hours and slots, bookings and their cells, the journal, events and idempotency keys.

A cell is a time in seconds since 1970, UTC, on the grid of scheduling_db/cells.py.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)

from repositories.columns import filtered_index
from repositories.database import NAMING, BigId, UtcDateTime, text
from repositories.deed_rows import outbox_table
from repositories.idempotency import keys_table

metadata = MetaData(naming_convention=NAMING)


def _cell_of(column: str) -> Callable[[Any], int]:
    """The cell of the instant that is written to `column` of the same row."""
    return lambda context: int(context.get_current_parameters()[column].timestamp())


slot_durations = Table(
    "slot_durations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("minutes", Integer, nullable=False, unique=True),
)

provider_hours = Table(
    "provider_hours",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("care_provider_id", BigInteger, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Index("ix_provider_hours_care_provider_id_starts_at", "care_provider_id", "starts_at"),
)

slots = Table(
    "slots",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("care_provider_id", BigInteger, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("slot_duration_id", Integer, ForeignKey("slot_durations.id"), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("starts_cell", BigInteger, default=_cell_of("starts_at")),  # NULL: others wrote it; see calendars.rebuild
    Column("ends_cell", BigInteger, default=_cell_of("ends_at")),
    # What a search reads, kept by scheduling_db/calendars.py: from any instant after `next_after` up to its start this
    # slot is its provider's next free one. NULL: it is not free. `gap_class` is the length of that while, in classes.
    Column("next_after", BigInteger),
    Column("gap_class", SmallInteger),
    Index("ix_slots_care_provider_id_starts_cell", "care_provider_id", "starts_cell"),
)
is_free = slots.c.next_after.is_not(None)
filtered_index("ix_slots_free_of_provider", slots.c.care_provider_id, slots.c.starts_cell, where=is_free)
filtered_index(
    "ix_slots_free_by_gap",
    slots.c.gap_class,
    slots.c.starts_cell,
    slots.c.care_provider_id,
    slots.c.next_after,
    where=is_free,
)

provider_calendars = Table(
    "provider_calendars",
    metadata,
    Column("care_provider_id", BigInteger, primary_key=True, autoincrement=False),
    Column("changes", BigInteger, nullable=False, server_default="0"),  # counted up to take the row's lock
    Column("facts_digest", String(64)),  # of what provider_facets say; NULL: not searchable
)

provider_facets = Table(  # copied from PsyterDatabase, so that a search can filter here
    "provider_facets",
    metadata,
    Column("care_provider_id", BigInteger, nullable=False),
    Column("language_id", Integer, nullable=False),  # each of the provider's, and 0 for any
    Column("specialty_id", Integer, nullable=False),  # likewise
    Column("gender", SmallInteger, nullable=False),
    Column("experience_level_id", Integer, nullable=False),
    Column("provider_level_id", Integer, nullable=False),
    Column("hourly_rate_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("care_provider_id", "language_id", "specialty_id"),
    Index(
        "ix_provider_facets_filter",
        *("language_id", "specialty_id", "gender", "experience_level_id", "provider_level_id"),
        *("hourly_rate_minor", "care_provider_id"),
    ),
)

bookings = Table(
    "bookings",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("organization_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("care_provider_id", BigInteger, nullable=False),
    Column("slot_id", BigInteger, ForeignKey("slots.id"), nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("communication_type", SmallInteger, nullable=False),
    Column("platform", SmallInteger, nullable=False),
    Column("is_from_mobile", Boolean, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("meeting_id", String(64)),
    Column("reason", Integer),
    Column("failed_step", String(40)),
    Column("withdrawn_at", UtcDateTime),  # confirm_booking tests it in its own UPDATE
    Column("withdrawn_by", text(100)),
    Column("withdrawal_reason", text(500)),
    Column("moving_saga_id", String(32)),  # one move at a time
    Column("group_id", String(32)),
    Column("forgotten_position", BigInteger),  # events of it are purged, this far at most; NULL: all are there
    Column("reminders_at", UtcDateTime),  # when its reminders are looked at next; NULL: it is over, or not on
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_bookings_organization_id_id", "organization_id", "id"),
    Index("ix_bookings_history", "organization_id", "status", "starts_at", "id"),
    Index("ix_bookings_history_of_user", "organization_id", "user_id", "status", "starts_at", "id"),
)
is_pending = bookings.c.status == literal_column("6")  # BookingStatus.PENDING; a filtered index takes no parameter
filtered_index("ix_bookings_pending", bookings.c.id, where=is_pending)

is_to_be_reminded = bookings.c.reminders_at.is_not(None)
filtered_index("ix_bookings_reminders_at", bookings.c.reminders_at, where=is_to_be_reminded)

is_forgotten = bookings.c.forgotten_position.is_not(None)
Index(
    "ix_bookings_forgotten_position",
    bookings.c.organization_id,
    bookings.c.forgotten_position,
    sqlite_where=is_forgotten,
    postgresql_where=is_forgotten,
    mssql_where=is_forgotten,
)

is_grouped = bookings.c.group_id.is_not(None)
filtered_index("ix_bookings_group_id", bookings.c.group_id, where=is_grouped)

has_meeting = bookings.c.meeting_id.is_not(None)
filtered_index("ix_bookings_meeting_id", bookings.c.meeting_id, where=has_meeting)

reserved_cells = Table(
    "reserved_cells",
    metadata,
    Column("care_provider_id", BigInteger, nullable=False),
    Column("cell_start", BigInteger, nullable=False),  # seconds since 1970, UTC
    Column("booking_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("care_provider_id", "cell_start"),
    Index("ix_reserved_cells_booking_id", "booking_id"),
)

sagas = Table(
    "sagas",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(40), nullable=False),
    Column("booking_id", BigInteger, nullable=False, index=True),
    Column("input", Text, nullable=False),
    Column("status", String(10), nullable=False),
    Column("step", String(40)),
    Column("owed", Text, nullable=False),
    Column("receipts", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("claims", Integer, nullable=False),
    Column("due_at", UtcDateTime),
    Column("nudged_until", UtcDateTime),
    Column("lease_token", String(32)),
    Column("waits_for", String(20)),  # the service in whose line it stands
    Column("waits_since", UtcDateTime),
    Column("stood_still_us", BigInteger),  # how long the service had stood still by then, all in all
    Column("deadline_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("withdrawn_at", UtcDateTime),
    Column("reason", Integer),
    Column("failed_step", String(40)),
    Column("error", String(80)),
    Column("request_id", String(64)),  # of the request that started it
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False),
)
is_due = sagas.c.due_at.is_not(None)
filtered_index("ix_sagas_due_at", sagas.c.due_at, where=is_due)
Index("ix_sagas_status_updated_at", sagas.c.status, sagas.c.updated_at)
waits = sagas.c.waits_for.is_not(None)
filtered_index("ix_sagas_waits_for_created_at", sagas.c.waits_for, sagas.c.created_at, where=waits)

saga_attempts = Table(
    "saga_attempts",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("saga_id", String(32), nullable=False),
    Column("booking_id", BigInteger, nullable=False, index=True),
    Column("step", String(40), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("number", Integer, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("error", String(80)),
    Column("started_at", UtcDateTime, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
)

saga_audit = Table(
    "saga_audit",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("saga_id", String(32), nullable=False, index=True),
    Column("booking_id", BigInteger, nullable=False),
    Column("action", String(20), nullable=False),
    Column("step", String(40)),
    Column("operator", text(100), nullable=False),
    Column("why", text(500), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

service_breakers = Table(
    "service_breakers",
    metadata,
    Column("service", String(20), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("trouble", String(20)),
    Column("error", String(80)),
    Column("opened_at", UtcDateTime),
    Column("open_until", UtcDateTime),
    Column("probe_token", String(32)),
    Column("probe_until", UtcDateTime),
    Column("paused_at", UtcDateTime),
    Column("paused_by", text(100)),
    Column("paused_why", text(500)),
    Column("standing_since", UtcDateTime),
    Column("stood_still_us", BigInteger, nullable=False),
)

service_audit = Table(
    "service_audit",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("service", String(20), nullable=False, index=True),
    Column("action", String(20), nullable=False),
    Column("operator", text(100), nullable=False),
    Column("why", text(500), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

booking_events = Table(
    "booking_events",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("booking_id", BigInteger, nullable=False),
    Column("organization_id", BigInteger, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("reason", Integer),
    Column("changed", String(200), nullable=False, server_default="[]"),  # names of fields, a JSON list
    Column("occurred_at", UtcDateTime, nullable=False, index=True),
    Column("position", BigInteger),  # in the order of events of all bookings; NULL until announced
    UniqueConstraint("booking_id", "sequence"),
    Index("ix_booking_events_organization_id_position", "organization_id", "position"),
)
is_announced = booking_events.c.position.is_not(None)
filtered_index("ix_booking_events_position", booking_events.c.position, where=is_announced, unique=True)
is_unannounced = booking_events.c.position.is_(None)
filtered_index("ix_booking_events_unannounced", booking_events.c.id, where=is_unannounced)

event_feed = Table(  # one row: whoever announces events holds it
    "event_feed",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last_position", BigInteger, nullable=False),
)

meeting_reports = Table(  # the inbox of VideoSDK's webhooks
    "meeting_reports",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("kind", String(40), nullable=False),
    Column("meeting_id", String(64), nullable=False),
    Column("session_id", String(64), nullable=False),
    Column("participant", String(80), nullable=False),
    Column("recording", String(64), nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("status", String(10), nullable=False),
    Column("booking_id", BigInteger),
    Column("claims", Integer, nullable=False),
    Column("deliveries", Integer, nullable=False),
    Column("due_at", UtcDateTime),
    Column("nudged_until", UtcDateTime),
    Column("lease_token", String(32)),
    Column("error", String(80)),
    Column("received_at", UtcDateTime, nullable=False),
    Column("last_received_at", UtcDateTime, nullable=False, index=True),
    Index("ix_meeting_reports_status_id", "status", "id"),
)
report_is_due = meeting_reports.c.due_at.is_not(None)
filtered_index("ix_meeting_reports_due_at", meeting_reports.c.due_at, where=report_is_due)

meeting_facts = Table(
    "meeting_facts",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("booking_id", BigInteger, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("session_id", String(64), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("booking_id", "kind", "session_id", "subject"),
)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("organization_id", BigInteger, nullable=False, index=True),
    Column("url", String(2000), nullable=False),
    Column("description", text(200)),
    Column("kinds", String(400), nullable=False),  # of events, a JSON list; an empty one: all
    Column("state", String(10), nullable=False),
    Column("disabled_because", String(10)),
    Column("disabled_at", UtcDateTime),
    Column("sealed_secret", String(200), nullable=False),
    Column("earlier_secret", String(200)),  # signs too, until earlier_until
    Column("earlier_until", UtcDateTime),
    Column("position", BigInteger, nullable=False),  # events up to here have their deliveries
    Column("is_behind", Boolean, nullable=False),  # there may be announced events beyond
    Column("failures", Integer, nullable=False),  # in a row
    Column("failing_since", UtcDateTime),
    Column("last_error", String(40)),
    Column("last_status", Integer),
    Column("delivered_at", UtcDateTime),
    Column("rests_until", UtcDateTime),
    Column("due_at", UtcDateTime),  # from when on it is worth looking at; NULL: nothing is pending
    Column("nudged_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False),
)
has_work = webhook_endpoints.c.due_at.is_not(None)
filtered_index("ix_webhook_endpoints_due_at", webhook_endpoints.c.due_at, where=has_work)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("endpoint_id", BigInteger, ForeignKey("webhook_endpoints.id"), nullable=False),
    Column("event_id", BigInteger),  # NULL: a test
    Column("booking_id", BigInteger),
    Column("position", BigInteger),  # of the event
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),  # begun, in this round
    Column("due_at", UtcDateTime),  # while pending; while a worker holds it: the end of its lease
    Column("lease_token", String(32)),
    Column("last_error", String(40)),
    Column("last_status", Integer),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index("ix_webhook_deliveries_endpoint_id_state_due_at", "endpoint_id", "state", "due_at"),
    Index("ix_webhook_deliveries_endpoint_id_booking_id_position", "endpoint_id", "booking_id", "position"),
    Index("ix_webhook_deliveries_endpoint_id_id", "endpoint_id", "id"),
)
is_of_event = webhook_deliveries.c.event_id.is_not(None)
filtered_index(
    "ix_webhook_deliveries_endpoint_id_event_id",
    webhook_deliveries.c.endpoint_id,
    webhook_deliveries.c.event_id,
    where=is_of_event,
    unique=True,
)

has_ended = webhook_deliveries.c.ended_at.is_not(None)
filtered_index("ix_webhook_deliveries_ended_at", webhook_deliveries.c.ended_at, where=has_ended)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("delivery_id", BigInteger, nullable=False, index=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("http_status", Integer),
    Column("error", String(40)),  # NULL: delivered
)

pushes = Table(
    "pushes",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("push_key", String(100), nullable=False, unique=True),
    Column("kind", SmallInteger, nullable=False),
    Column("care_provider_id", BigInteger, nullable=False),
    Column("booking_id", BigInteger, index=True),
    Column("happens_at", UtcDateTime),
    Column("wants_status", SmallInteger),
    Column("event", String(20)),
    Column("state", String(10), nullable=False),
    Column("reason", String(80)),
    Column("left_to", String(20), nullable=False),  # platforms, with blanks between
    Column("attempts", Integer, nullable=False),
    Column("due_at", UtcDateTime),
    Column("nudged_until", UtcDateTime),
    Column("lease_token", String(32)),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False, index=True),
    Column("sent_at", UtcDateTime),
    Column("asked_by", text(100)),
    Column("asked_why", text(500)),
)
waits_to_be_sent = pushes.c.due_at.is_not(None)
filtered_index("ix_pushes_due_at", pushes.c.due_at, where=waits_to_be_sent)
has_failed = pushes.c.state == "failed"  # PushState.FAILED, as a constant: a filtered index takes no parameter
filtered_index("ix_pushes_failed", pushes.c.updated_at, where=has_failed)

reminders = Table(
    "reminders",
    metadata,
    Column("booking_id", BigInteger, nullable=False),
    Column("recipient", String(15), nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("booking_id", "recipient", "starts_at", "minutes"),
)

idempotency_keys = keys_table(metadata)

audit_outbox = outbox_table(metadata)
