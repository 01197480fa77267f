"""How Celery behaves here. The broker's address and the schedule come from the settings: workers/celery_app.py.

The journal is the truth and a message only a nudge (docs/decisions/0003-journal-is-the-truth.md); these settings keep
nudges prompt and a sick broker from blocking anyone. Measured reasons: docs/decisions/0007-celery-settings.md.
"""

from datetime import timedelta

from kombu import Exchange, Queue

SAGAS = "sagas"
MEETINGS = "meetings"  # webhooks of VideoSDK
WEBHOOKS = "webhooks"  # its own queue, for workers of its own where partners' servers are slow
SWEEPS = "sweeps"  # its own queue: Redis takes turns between queues, so a backlog of sagas does not starve the sweep
FREED = "freed"  # whose turn has come in a service's line: behind a backlog of new ones their places would stand idle
PUSHES = "pushes"  # its own queue: a backlog of pushes keeps no booking waiting

EXCHANGE = Exchange("tahoon", type="direct")
QUEUES = (SAGAS, MEETINGS, WEBHOOKS, SWEEPS, FREED, PUSHES)
task_queues = tuple(Queue(name, EXCHANGE, routing_key=name) for name in QUEUES)
task_default_exchange = EXCHANGE.name
task_default_routing_key = SAGAS
task_default_queue = SAGAS
task_routes = {
    name: {"queue": SWEEPS, "routing_key": SWEEPS}
    for name in (
        "sweep",
        "announce",
        "sweep_webhooks",
        "sweep_meetings",
        "sweep_pushes",
        "remind",
        "reconcile",
        "copy_facts",
        "purge",
        "seal_audit",
    )
} | {
    "note_meeting_report": {"queue": MEETINGS, "routing_key": MEETINGS},
    "deliver_webhooks": {"queue": WEBHOOKS, "routing_key": WEBHOOKS},
    "send_push": {"queue": PUSHES, "routing_key": PUSHES},
}
task_create_missing_queues = False

task_acks_late = True  # a killed worker gives its nudge back; running a saga twice is safe
task_reject_on_worker_lost = True
worker_prefetch_multiplier = 1
task_ignore_result = True  # what came of a saga is in the journal
result_backend = None

task_serializer = "json"
accept_content = ["json"]

worker_send_task_events = True  # for Flower
task_send_sent_event = False  # one more message for each accepted booking, and the journal knows when it was
worker_hijack_root_logger = False
worker_cancel_long_running_tasks_on_connection_loss = False
worker_soft_shutdown_timeout = 15.0
worker_enable_remote_control = True

broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_transport_options = {
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,  # longer than the 1 s that a worker's BRPOP waits
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
}

# In the API a hung broker must not hold a partner's request.
PUBLISHER_PATIENCE = timedelta(seconds=1)
PUBLISHER_TRANSPORT_OPTIONS = {
    **broker_transport_options,
    "socket_timeout": PUBLISHER_PATIENCE.total_seconds(),
    "socket_connect_timeout": PUBLISHER_PATIENCE.total_seconds(),
}
PUBLISHER_PAUSE = timedelta(seconds=5)  # after a failed publish; the sweep delivers meanwhile
BELL_PAUSE = timedelta(milliseconds=100)  # between two nudges of one worker that there are events to announce
