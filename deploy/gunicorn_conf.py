"""How gunicorn runs the API: `gunicorn --config deploy/gunicorn_conf.py "api:create_app()"`.

TAHOON_API_THREADS and WEB_CONCURRENCY (processes) are the two numbers to choose: docs/scaling.md.
"""

import os

bind = "0.0.0.0:8000"  # of the container
worker_class = "api.gunicorn_worker.ApiWorker"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("TAHOON_API_THREADS", "32"))
keepalive = 75
backlog = 2048
graceful_timeout = 25  # a request that waits (Prefer: wait=20) still gets its answer when a container is stopped
worker_tmp_dir = "/dev/shm"  # noqa: S108 - memory, so that a slow disk kills no worker
loglevel = "warning"
control_socket_disable = True  # it wants a home directory to write to
