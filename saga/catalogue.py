"""Every saga by its name, which is also the name of its Celery task."""

from collections.abc import Mapping

from saga.definition import Saga

NAMES = ("book_session", "cancel_booking", "reschedule_booking", "withdraw_group")


def catalogue(*sagas: Saga) -> Mapping[str, Saga]:
    """The sagas of this process; each table is built once here, so a wrong one stops the start."""
    by_name = {saga.name: saga for saga in sagas if saga.table}
    if set(by_name) != set(NAMES):
        raise ValueError(f"the catalogue names {sorted(NAMES)}, not {sorted(by_name)}")
    return by_name
