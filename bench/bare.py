"""What the figures are held against: a Flask view that does one insert, and a Celery task that does nothing."""

import os
import time
from pathlib import Path

from celery import Celery
from flask import Flask, Response, jsonify, request
from sqlalchemy import Column, Integer, MetaData, Table, Unicode, insert

from bootstrap import settings_or_exit
from repositories.database import open_database
from workers.celery_app import create_worker_app

metadata = MetaData()
notes = Table("notes", metadata, Column("id", Integer, primary_key=True), Column("text", Unicode(2000)))


def create_bare_app() -> Flask:
    """One route, one insert, in a database with the same settings as ours."""
    app = Flask("bare")
    database = open_database(os.environ["BENCH_BARE_URL"], pool_size=32)
    database.write(metadata.create_all)
    one_insert = insert(notes)

    @app.post("/bare")
    def note() -> tuple[Response, int]:
        text = request.get_data(as_text=True)
        database.write(lambda connection: connection.execute(one_insert, {"text": text}))
        return jsonify(status=1), 202

    @app.get("/readyz")
    def ready() -> str:
        return "ready"

    return app


def create_noop_app() -> Celery:
    """A worker app with the product's own settings and a task that counts itself."""
    settings = settings_or_exit()
    app = create_worker_app(
        settings.redis_url,
        threads=settings.worker_threads,
        sweep_every=settings.sweep_every,
        reconcile_every=settings.reconcile_every,
        copy_facts_every=settings.copy_facts_every,
        seal_audit_every=settings.seal_audit_every,
    )
    ends, wanted = Path(os.environ["BENCH_NOOP_ENDS"]), int(os.environ["BENCH_NOOP_WANTED"])
    seen: list[float] = []

    def noop(_saga_id: str) -> str:
        seen.append(time.time())
        if len(seen) == wanted:
            ends.write_text(f"{seen[0]} {seen[-1]}")
        return "done"

    app.task(name="noop")(noop)
    return app
