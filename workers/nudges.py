"""Rings for a worker. Best effort: what is lost here is found by the sweep."""

import json
import threading
import time
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import structlog
from celery import Celery
from kombu import Connection
from kombu.exceptions import OperationalError

from integrations.redis_connections import RedisConnections, connect_to

log = structlog.get_logger()

Publish = Callable[..., None]  # a task's name and its ids; raises OperationalError, OSError

TASK, TAG, ARGUMENT, BODY = (
    uuid.uuid4().hex for _ in range(4)
)  # stand in a template for what each message has of its own
WRITING = threading.Lock()  # that broker is one for all of this process


class CeleryNudge:
    """Publishes a saga's id under the saga's name. After a failure it stays silent for a while, and never raises."""

    def __init__(
        self,
        publish: Publish,
        *,
        pause: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
        nudged: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._publish = publish
        self._pause = pause.total_seconds()
        self._nudged = nudged  # told of each: whether it was published
        self._monotonic = monotonic
        self._silent_until = float("-inf")
        self._lock = threading.Lock()

    def __call__(self, saga_name: str, saga_id: str) -> bool:
        return self.ring(saga_name, saga_id)

    def ring(self, task: str, *ids: str | int) -> bool:
        """Whether the task was published."""
        is_published = self._monotonic() >= self._silent_until and self._is_published(task, *ids)
        self._nudged(is_published)
        return is_published

    def _is_published(self, task: str, *ids: str | int) -> bool:
        try:
            self._publish(task, *ids)
        except (OperationalError, OSError) as error:
            self._fall_silent(error)
            return False
        return True

    def _fall_silent(self, error: Exception) -> None:
        with self._lock:
            self._silent_until = self._monotonic() + self._pause
        log.warning("nudges_paused", seconds=self._pause, error=type(error).__name__)


class Bell:
    """Rings soon after it was asked to, from a thread of its own: once for many who ask within `pause`."""

    def __init__(self, ring: Callable[[], object], *, pause: timedelta) -> None:
        self._ring = ring
        self._pause = pause.total_seconds()
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self) -> None:
        self._asked.set()
        if self._thread is None:  # in the process that rings, which may be the child of the one that made this bell
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._keep_ringing, name="bell", daemon=True)
                    self._thread.start()

    def _keep_ringing(self) -> None:
        while self._asked.wait():
            self._asked.clear()  # before it rings: whoever asks from now on is heard the next time
            self._ring()
            time.sleep(self._pause)


def by_celery(app: Celery, *, queue: str | None = None) -> Publish:
    """Over whatever broker the app has, into this queue or the task's own."""
    options: dict[str, Any] = {} if queue is None else {"queue": queue}

    def publish(task: str, *ids: str | int) -> None:
        app.send_task(task, args=ids, retry=False, **options)

    return publish


def by_template(app: Celery, redis_url: str, *, patience: timedelta) -> Publish:
    """The same messages, of one id, into Redis, for a tenth of the processor time: Celery writes one, we fill it in.

    Where the broker is not one Redis, `by_celery`.
    """
    try:
        return TemplatePublisher(app, connect_to(redis_url, patience=patience))
    except ValueError:
        return by_celery(app)


class TemplatePublisher:
    """One LPUSH for each message, which is all that Celery's own publishing comes to on Redis."""

    def __init__(self, app: Celery, connections: RedisConnections) -> None:
        self._app = app
        self._connections = connections
        self._templates: dict[str, Template] = {}

    def __call__(self, task: str, id: str) -> None:
        template = self._templates.get(task)
        if template is None:
            template = self._templates[task] = Template(self._app, task)
        self._connections.ask("LPUSH", template.queue, template.filled(id))


class Template:
    """A task's message as Celery writes it, kept in its JSON form."""

    def __init__(self, app: Celery, task_name: str) -> None:
        self.queue: str = app.amqp.router.route({}, task_name)["queue"].name
        message = written_by_celery(app, task_name, self.queue, task_id=TASK, argument=ARGUMENT)
        self._body = b64decode(message["body"]).decode()
        message["body"] = BODY
        message["properties"]["delivery_tag"] = TAG
        self._message = json.dumps(message)

    def filled(self, argument: str) -> str:
        """A message of its own for this argument: plain letters, digits and dashes, as ids are."""
        body = b64encode(self._body.replace(ARGUMENT, argument).encode()).decode()
        filled = self._message.replace(BODY, body).replace(ARGUMENT, argument)
        return filled.replace(TASK, str(uuid.uuid4())).replace(TAG, str(uuid.uuid4()))


def written_by_celery(app: Celery, task_name: str, queue: str, *, task_id: str, argument: str) -> dict[str, Any]:
    """What Celery would put into this queue: published to a broker in memory, and taken out of it again."""
    with WRITING, Connection("memory://") as connection:
        with app.amqp.Producer(connection, auto_declare=False) as producer:
            app.send_task(task_name, args=(argument,), task_id=task_id, producer=producer, retry=False)
        channel: Any = connection.default_channel
        message: dict[str, Any] = channel._get(queue)
    return message


def nudges_waiting(app: Celery, queue: str) -> int:
    """How many messages this queue holds; 0 if the broker does not say."""
    try:
        with app.connection_or_acquire() as connection, connection.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).message_count)
    except Exception as error:  # each transport has its own, for a broker that is away and for a queue not yet made
        log.debug("queue_length_unknown", queue=queue, error=type(error).__name__)
        return 0


def queue_lengths(app: Celery, queues: Iterable[str]) -> dict[str, int]:
    """How many messages each queue holds; nothing of those that the broker does not tell of."""
    found: dict[str, int] = {}
    try:
        with app.connection_or_acquire() as connection, connection.channel() as channel:
            for queue in queues:
                found[queue] = int(channel.queue_declare(queue, passive=True).message_count)
    except Exception as error:  # as above
        log.debug("queue_lengths_unknown", known=len(found), error=type(error).__name__)
    return found
