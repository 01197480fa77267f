"""What the figures are held against: a Flask view that does one insert, a Celery task that does nothing, and a loop of
nothing but the commits and statements of a booking.
"""

import os
import time
from functools import partial
from pathlib import Path

from celery import Celery
from flask import Flask, Response, jsonify, request
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Unicode, bindparam, insert, select

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


def bare_loops_a_second(url: str, *, commits: int, statements: int, loops: int) -> float:
    """Of so many commits with so many statements between them, through SQLAlchemy Core, on one row after another: one
    insert in each commit, and else reads by primary key."""
    database = open_database(url, pool_size=1)
    database.write(metadata.create_all)
    one_insert, one_read = insert(notes), select(notes).where(notes.c.id == bindparam("note"))

    def one_commit(connection: Connection, reads: int) -> None:
        connection.execute(one_insert, {"text": "text"})
        for _ in range(reads):
            connection.execute(one_read, {"note": 1}).one()

    reads = [len(range(place, statements - commits, commits)) for place in range(commits)]
    watch = time.perf_counter()
    for _ in range(loops):
        for number in reads:
            database.write(partial(one_commit, reads=number))
    taken = time.perf_counter() - watch
    database.close()
    return loops / taken


def create_noop_app() -> Celery:
    """A worker app with the product's own settings and a task that counts itself."""
    settings = settings_or_exit()
    app = create_worker_app(
        settings.redis_url,
        threads=settings.worker_threads,
        sweep_every=settings.sweep_every,
        reconcile_every=settings.reconcile_every,
        copy_facts_every=settings.copy_facts_every,
        reminders_every=settings.reminders_every,
        seal_audit_every=settings.seal_audit_every,
        purge_every=settings.purge_every,
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
