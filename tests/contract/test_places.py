"""Places for calls at one time: of one process, and of all workers through Redis, alike."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from demo.ports import any_free_port
from demo.stack import Stack, wait_until
from integrations.places import LocalPlaces, Places, RedisPlaces, shared_places
from repositories.enums import Service

BOUNDS: dict[str, int] = {Service.VIDEOSDK: 3, Service.FCM: 1}
LONG = timedelta(minutes=1)
BRIEF = timedelta(milliseconds=300)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("redis")) as stack:
        stack.start_redis()
        yield stack


Make = Callable[..., RedisPlaces]


@pytest.fixture
def process(stack: Stack) -> Iterator[Make]:
    """The places as one more worker process has them."""
    stack.flush_redis()
    made: list[RedisPlaces] = []

    def make(*, longest_call: timedelta = LONG) -> RedisPlaces:
        places = shared_places(stack.environment["TAHOON_REDIS_URL"], bounds=BOUNDS, longest_call=longest_call)
        assert isinstance(places, RedisPlaces)
        made.append(places)
        return places

    yield make
    for places in made:
        places.close()


@pytest.fixture(params=["local", "redis"])
def places(request: pytest.FixtureRequest) -> Places:
    return LocalPlaces(BOUNDS) if request.param == "local" else request.getfixturevalue("process")()


def test_as_many_enter_as_there_are_places_and_who_leaves_makes_room(places: Places) -> None:
    assert [places.enter(Service.VIDEOSDK, f"call-{n}") for n in range(5)] == [True, True, True, False, False]
    assert places.free(Service.VIDEOSDK) == 0
    places.leave(Service.VIDEOSDK, "call-1")
    assert places.free(Service.VIDEOSDK) == 1
    assert places.enter(Service.VIDEOSDK, "call-6")
    assert not places.enter(Service.VIDEOSDK, "call-7")


def test_each_service_has_places_of_its_own(places: Places) -> None:
    assert places.enter(Service.FCM, "call-1")
    assert not places.enter(Service.FCM, "call-2")
    assert (places.free(Service.VIDEOSDK), places.free(Service.FCM)) == (3, 0)


def test_many_threads_never_have_more_places_than_there_are(places: Places) -> None:
    inside, most, lock = 0, 0, threading.Lock()

    def call(name: str) -> None:
        nonlocal inside, most
        for number in range(30):
            token = f"{name}-{number}"
            if not places.enter(Service.VIDEOSDK, token):
                continue
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.001)
            with lock:
                inside -= 1
            places.leave(Service.VIDEOSDK, token)

    threads = [threading.Thread(target=call, args=(f"thread-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 3
    assert places.free(Service.VIDEOSDK) == 3


# --- shared ----------------------------------------------------------------------------------


def test_all_processes_share_the_places(process: Make) -> None:
    first, second = process(), process()
    assert [worker.enter(Service.VIDEOSDK, f"{n}") for n, worker in enumerate([first, second, first, second])] == [
        True,
        True,
        True,
        False,
    ]
    assert first.free(Service.VIDEOSDK) == second.free(Service.VIDEOSDK) == 0
    first.leave(Service.VIDEOSDK, "0")
    assert second.enter(Service.VIDEOSDK, "4")


def test_a_place_whose_holder_was_killed_comes_back_by_itself(process: Make) -> None:
    killed, survivor = process(longest_call=BRIEF), process()
    assert all(killed.enter(Service.VIDEOSDK, f"{n}") for n in range(3))
    assert not survivor.enter(Service.VIDEOSDK, "mine")
    wait_until(lambda: survivor.free(Service.VIDEOSDK) == 3, seconds=20, what="the places of a killed worker")
    assert survivor.enter(Service.VIDEOSDK, "mine")


def test_a_broker_that_lost_everything_only_forgets_who_is_inside(stack: Stack, process: Make) -> None:
    places = process()
    assert places.enter(Service.FCM, "1")
    stack.flush_redis()
    places.leave(Service.FCM, "1")
    assert places.enter(Service.FCM, "2")


def test_a_restarted_redis_is_found_again(stack: Stack, process: Make) -> None:
    places, other = process(), process()
    assert places.enter(Service.FCM, "1")
    stack.kill("redis")
    stack.start_redis()
    places.leave(Service.FCM, "1")
    assert places.enter(Service.FCM, "2")
    assert not other.enter(Service.FCM, "3")


# --- without Redis ---------------------------------------------------------------------------


def test_while_redis_hangs_a_process_keeps_to_the_bound_by_itself_and_waits_once(stack: Stack, process: Make) -> None:
    places = process()
    assert places.enter(Service.VIDEOSDK, "1")
    stack.pause("redis")
    started = time.monotonic()
    assert [places.enter(Service.VIDEOSDK, f"{n}") for n in (2, 3, 4)] == [True, True, False]
    places.leave(Service.VIDEOSDK, "2")
    assert places.free(Service.VIDEOSDK) == 1
    assert time.monotonic() - started < 3
    stack.resume("redis")


def test_a_redis_that_is_not_there_stops_nobody(dead_url: str) -> None:
    places = shared_places(dead_url.replace("http", "redis"), bounds=BOUNDS, longest_call=LONG)
    assert [places.enter(Service.FCM, f"{n}") for n in range(2)] == [True, False]


def test_with_another_broker_each_process_has_places_of_its_own() -> None:
    address = f"amqp://127.0.0.1:{any_free_port()}//"
    assert isinstance(shared_places(address, bounds=BOUNDS, longest_call=LONG), LocalPlaces)
