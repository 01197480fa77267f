"""`celery -A bench.noop_worker worker`"""

from bench.bare import create_noop_app

app = create_noop_app()
