"""`celery -A workers.main worker`, and `beat`: the one module whose import builds something, as Celery wants it."""

from bootstrap import build_worker_app

app = build_worker_app()
