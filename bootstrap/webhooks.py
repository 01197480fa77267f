"""Webhooks, from the event to its delivery."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import bootstrap
from api.security.id_cipher import IdCipher, IdKind
from api.security.sealing import Sealer
from bootstrap.databases import open_scheduling
from bootstrap.watching import watch_of
from config import Settings
from integrations.webhooks.addresses import Rules
from integrations.webhooks.client import Patience, WebhookClient
from repositories.scheduling_db.announcing import SqlAnnouncer
from repositories.scheduling_db.webhook_queue import SqlWebhookQueue
from saga.announce import Announce
from saga.deliver_webhooks import DeliverWebhooks, Ring, SweepWebhooks


def build_announce(settings: Settings, *, ring: Ring) -> Announce:
    scheduling = open_scheduling(settings, threads=1)
    return Announce(
        announcer=SqlAnnouncer(scheduling), queue=SqlWebhookQueue(scheduling), ring=ring, clock=bootstrap.utc_now
    )


def build_deliveries(settings: Settings, *, ring: Ring, is_stopping: Callable[[], bool]) -> DeliverWebhooks:
    scheduling = open_scheduling(settings, threads=settings.webhook_threads)
    return DeliverWebhooks(
        queue=SqlWebhookQueue(scheduling),
        sender=watch_of(settings).sender(build_webhook_client(settings)),
        unseal=Sealer(settings.seal_key, *settings.seal_keys_accepted).unseal,
        ids=PublicIds(IdCipher(settings.id_key)),
        ring=ring,
        clock=bootstrap.utc_now,
        jitter=bootstrap.random,
        new_token=bootstrap.new_token,
        lease=settings.webhook_lease,
        slots=settings.webhook_slots,
        threads=threading.BoundedSemaphore(settings.webhook_threads),
        disable_after=settings.webhook_disable_after,
        pace=settings.retry_pace,
        is_stopping=is_stopping,
    )


def build_webhook_sweep(settings: Settings, *, ring: Ring) -> SweepWebhooks:
    return SweepWebhooks(
        queue=SqlWebhookQueue(open_scheduling(settings, threads=1)), ring=ring, clock=bootstrap.utc_now
    )


def build_webhook_client(settings: Settings) -> WebhookClient:
    return WebhookClient(
        rules=webhook_rules(settings),
        patience=Patience(
            connect=settings.webhook_timeout / 3,
            read=settings.webhook_timeout * 2 / 3,
            whole=settings.webhook_timeout,
        ),
        connections=settings.webhook_slots,
        certificates=settings.webhook_certificates,
    )


def webhook_rules(settings: Settings) -> Rules:
    return Rules(ports=frozenset(settings.webhook_ports), insecure=settings.webhook_insecure)


@dataclass(frozen=True)
class PublicIds:
    """Ids as webhooks carry them."""

    cipher: IdCipher

    def of_booking(self, booking_id: int) -> str:
        return self.cipher.encrypt(IdKind.BOOKING, booking_id)

    def of_event(self, event_id: int) -> str:
        return self.cipher.encrypt(IdKind.EVENT, event_id)

    def of_delivery(self, delivery_id: int) -> str:
        return self.cipher.encrypt(IdKind.WEBHOOK_DELIVERY, delivery_id)
