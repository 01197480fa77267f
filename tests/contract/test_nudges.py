"""What rings for a worker: Celery's own publisher, and the one that fills in what Celery wrote once, alike."""

import base64
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from celery import Celery
from celery.contrib.testing.worker import start_worker

from celeryconfig import FREED, MEETINGS, SAGAS, task_queues
from demo import commands
from demo.ports import any_free_port
from demo.stack import wait_until
from integrations.redis_connections import RedisAway
from saga.catalogue import NAMES
from saga.meeting_reports import TASK as NOTE_REPORT
from workers.celery_app import create_publisher
from workers.nudges import Publish, TemplatePublisher, by_celery, by_template

SECOND = timedelta(seconds=1)
LONG = timedelta(seconds=30)
ITS_OWN = {"id", "root_id"}  # of the headers


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = any_free_port()
    folder: Path = tmp_path_factory.mktemp("redis")
    with subprocess.Popen(commands.redis(port, folder)) as server, closing(redis.Redis(port=port)) as client:

        def is_up() -> bool:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

        wait_until(is_up, seconds=30, what="redis")
        yield f"redis://127.0.0.1:{port}/0"
        server.terminate()


@pytest.fixture
def app(redis_url: str) -> Iterator[Celery]:
    with closing(create_publisher(redis_url, connections=2)) as app:
        yield app


@pytest.fixture
def queue(redis_url: str) -> Callable[[], list[dict[str, Any]]]:
    taken_from(redis_url, SAGAS)
    return lambda: taken_from(redis_url, SAGAS)


def taken_from(redis_url: str, queue: str) -> list[dict[str, Any]]:
    """What waits there, the oldest first; then nothing does."""
    with closing(redis.Redis.from_url(redis_url)) as client:
        texts: Any = client.rpop(queue, 1_000)
        return [json.loads(text) for text in texts or []]


@pytest.fixture(params=["celery", "template"])
def publish(request: pytest.FixtureRequest, app: Celery, redis_url: str) -> Publish:
    return by_celery(app) if request.param == "celery" else by_template(app, redis_url, patience=LONG)


def body_of(message: dict[str, Any]) -> Any:
    return json.loads(base64.b64decode(message["body"]))


def test_a_message_names_saga_and_id_and_has_ids_of_its_own(
    publish: Publish, queue: Callable[[], list[dict[str, Any]]]
) -> None:
    ids = [uuid4().hex for _ in range(3)]
    for saga_id in ids:
        publish("book_session", saga_id)
    messages = queue()
    assert [body_of(message)[0] for message in messages] == [[saga_id] for saga_id in ids]
    assert {message["headers"]["task"] for message in messages} == {"book_session"}
    assert [message["headers"]["argsrepr"] for message in messages] == [f"('{saga_id}',)" for saga_id in ids]
    for message in messages:
        assert message["headers"]["id"] == message["headers"]["root_id"] == message["properties"]["correlation_id"]
    for what in ({m["headers"]["id"] for m in messages}, {m["properties"]["delivery_tag"] for m in messages}):
        assert len({UUID(text) for text in what}) == 3


@pytest.mark.parametrize(("name", "queue_name"), [*((name, SAGAS) for name in NAMES), (NOTE_REPORT, MEETINGS)])
def test_both_write_the_same_message_into_the_same_queue(
    app: Celery, redis_url: str, name: str, queue_name: str
) -> None:
    by_celery(app)(name, "5a9a")
    by_template(app, redis_url, patience=LONG)(name, "5a9a")
    theirs, ours = taken_from(redis_url, queue_name)
    for message in (theirs, ours):
        for header in ITS_OWN:
            del message["headers"][header]
        del message["properties"]["correlation_id"], message["properties"]["delivery_tag"]
    assert ours == theirs


def test_a_worker_takes_it_as_any_other_task(app: Celery, publish: Publish) -> None:
    carried: list[tuple[str, str]] = []
    done = threading.Event()

    def carry(task: Any, saga_id: str) -> None:
        carried.append((task.request.id, saga_id))
        done.set()

    app.task(name="book_session", bind=True, shared=False)(carry)
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        publish("book_session", "5a9a")
        assert done.wait(30)
    assert [(bool(UUID(task_id)), saga_id) for task_id, saga_id in carried] == [(True, "5a9a")]


def test_whose_turn_has_come_does_not_stand_behind_a_backlog(app: Celery) -> None:
    carried: list[str] = []
    done = threading.Event()

    def carry(saga_id: str) -> None:
        carried.append(saga_id)
        if len(carried) == 41:
            done.set()

    app.task(name="book_session", shared=False)(carry)
    for number in range(40):
        by_celery(app)("book_session", f"new {number}")
    by_celery(app, queue=FREED)("book_session", "freed")
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        assert done.wait(30)
    assert carried.index("freed") <= len(task_queues)


def test_many_threads_that_begin_together_write_whole_messages(
    app: Celery, redis_url: str, queue: Callable[[], list[dict[str, Any]]]
) -> None:
    publish = by_template(app, redis_url, patience=LONG)
    wanted = [(name, uuid4().hex) for name in NAMES for _ in range(25)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda one: publish(*one), wanted))
    messages = queue()
    assert sorted((m["headers"]["task"], body_of(m)[0][0]) for m in messages) == sorted(wanted)


def test_a_broker_that_is_not_there_is_said_at_once(app: Celery) -> None:
    publish = by_template(app, f"redis://127.0.0.1:{any_free_port()}/0", patience=SECOND)
    with pytest.raises(RedisAway):
        publish("book_session", "5a9a")


def test_another_broker_is_left_to_celery(app: Celery) -> None:
    publish = by_template(app, f"amqp://127.0.0.1:{any_free_port()}//", patience=SECOND)
    assert not isinstance(publish, TemplatePublisher)
