"""One trace for each request, up to the last step of the saga that it began: OpenTelemetry, over OTLP/HTTP.

    request (API)
      +- attempt of a step (worker), one span each
           +- call of an outside service
      +- webhook to a partner, or call for a push that a task sends

A trace's id and its request span's are made of the request id, which the journal keeps: nothing has to be handed over,
and a lost nudge or a killed worker breaks no trace. Import this only where TAHOON_OTLP_ENDPOINT is set.
"""

import atexit
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import blake2b

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, set_span_in_context

from integrations.webhooks.ports import Answer
from logs import LISTED
from repositories.entities.sagas import Attempt, SagaState
from watch.metrics import ANSWERED, CRASHED, WORD_OF, quietly, word_of

log = structlog.get_logger()

PATH = "/v1/traces"
EVERY = 1000  # milliseconds between two batches
WAITING = 4096  # spans; further ones are dropped while the collector does not take them
BATCH = 512
TIMEOUT = 2.0  # seconds, of one batch
AT_EXIT = 3.0  # seconds in which a process that ends still begins to send a batch

OF_TASKS = ("request_id", "booking_id", "endpoint_id", "event_id", "delivery_id", "push_id")

Value = str | int | float | bool


def open_traces(endpoint: str, *, service: str) -> "Traces":
    """The traces of this process, sent to the collector at `endpoint` (its base address), and flushed at exit."""
    quiet = logging.getLogger("opentelemetry")  # its lines hold addresses and errors' texts; ours say what matters
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    traces = Traces(OTLPSpanExporter(endpoint.rstrip("/") + PATH, timeout=TIMEOUT), service=service)
    atexit.register(traces.close)
    return traces


@dataclass(kw_only=True)
class Span:
    """What is known so far of a span that has not ended."""

    name: str
    trace_id: int
    span_id: int
    parent_id: int | None
    kind: SpanKind
    attributes: dict[str, Value | None]
    began: int = field(default_factory=time.time_ns)  # nanoseconds


CURRENT: ContextVar[Span | None] = ContextVar("span", default=None)


class Traces:
    """Told by everything that is watched. Safe for many threads; never waits for the collector."""

    def __init__(self, exporter: SpanExporter, *, service: str) -> None:
        self._exporter = BoundedExporter(exporter)
        self._processor = BatchSpanProcessor(
            self._exporter,
            max_queue_size=WAITING,
            schedule_delay_millis=EVERY,
            max_export_batch_size=BATCH,
            export_timeout_millis=TIMEOUT * 1000,
        )
        self._ids = GivenIds()
        provider = TracerProvider(
            resource=Resource({"service.name": service}),
            sampler=ALWAYS_ON,
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        provider.add_span_processor(self._processor)
        self._tracer = provider.get_tracer("tahoon")

    @quietly
    def request_answered(self, *, method: str, route: str | None, status: int, seconds: float) -> None:
        """A span of the request whose id is bound to this thread's log lines."""
        request_id = _bound("request_id")
        if request_id is None:
            return
        span = Span(
            name=f"{method} {route or 'none'}",
            trace_id=trace_of(request_id),
            span_id=span_of(request_id),
            parent_id=None,
            kind=SpanKind.SERVER,
            attributes={"request_id": request_id, "method": method, "route": route, "status": status},
        )
        span.began -= int(seconds * 1e9)
        self._send(span, failed=status >= 500)

    @contextmanager
    def at_work(self, state: SagaState) -> Iterator[None]:
        """A span of one attempt; `tried` says what came of it."""
        asked = state.request_id
        span = Span(
            name=f"{state.name} {state.step or 'none'}",
            trace_id=trace_of(asked or state.id),
            span_id=self._ids.new_span(),
            parent_id=None if asked is None else span_of(asked),
            kind=SpanKind.CONSUMER,
            attributes={
                "request_id": asked,
                "saga_id": state.id,
                "booking_id": state.booking_id,
                "saga": state.name,
                "step": state.step,
            },
        )
        with self._under_way(span):
            yield

    @quietly
    def tried(self, attempt: Attempt) -> None:
        _note(kind=attempt.kind.value, attempt=attempt.number, outcome=attempt.outcome.value, error=attempt.error)

    @contextmanager
    def outside_call(self, name: str, *, service: str) -> Iterator[None]:
        """A span of one call, below the attempt or the request that makes it; `answered` tells its HTTP status."""
        above, asked = CURRENT.get(), _bound("request_id")
        if above is not None:
            trace_id, parent_id = above.trace_id, above.span_id
        elif asked is not None:
            trace_id, parent_id = trace_of(asked), span_of(asked)
        else:
            trace_id, parent_id = self._ids.new_trace(), None
        span = Span(
            name=name,
            trace_id=trace_id,
            span_id=self._ids.new_span(),
            parent_id=parent_id,
            kind=SpanKind.CLIENT,
            attributes={"service": service, "outcome": ANSWERED, **({} if above is not None else _ids())},
        )
        with self._under_way(span):
            yield

    @quietly
    def answered(self, status: int) -> None:
        _note(status=status)

    @quietly
    def webhook_answered(self, answer: Answer) -> None:
        _note(status=answer.http_status, error=answer.error, outcome=word_of(answer))

    def close(self) -> None:
        """Send what waits, for a few seconds at most."""
        self._exporter.end_within(AT_EXIT)
        self._processor.shutdown()  # type: ignore[no-untyped-call]

    @contextmanager
    def _under_way(self, span: Span) -> Iterator[None]:
        token = CURRENT.set(span)
        try:
            yield
        except BaseException as error:
            span.attributes["error"] = type(error).__name__
            if span.kind is SpanKind.CLIENT:
                span.attributes["outcome"] = WORD_OF.get(type(error), CRASHED)
            raise
        finally:
            CURRENT.reset(token)
            self._send(span, failed=span.attributes.get("error") is not None)

    @quietly
    def _send(self, span: Span, *, failed: bool) -> None:
        self._ids.give(span)
        made = self._tracer.start_span(
            span.name,
            context=_below(span),
            kind=span.kind,
            attributes=listed(span.attributes),
            start_time=span.began,
        )
        if failed:
            made.set_status(StatusCode.ERROR)
        made.end()


class GivenIds(IdGenerator):
    """Ids that were drawn, or made of a request id, before the SDK asks for them."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self._given = threading.local()

    def new_span(self) -> int:
        return self._random.generate_span_id()

    def new_trace(self) -> int:
        return self._random.generate_trace_id()

    def give(self, span: Span) -> None:
        """The ids of the span that this thread starts next."""
        self._given.span = span

    def generate_span_id(self) -> int:
        return int(self._given.span.span_id)

    def generate_trace_id(self) -> int:
        return int(self._given.span.trace_id)


class BoundedExporter(SpanExporter):
    """Tells when the collector stops and begins again to take spans, and gives up soon when the process ends."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._is_taken = True
        self._until: float | None = None

    def end_within(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._until is not None and (not self._is_taken or time.monotonic() > self._until):
            return SpanExportResult.FAILURE
        result = self._exporter.export(spans)
        is_taken = result is SpanExportResult.SUCCESS
        if is_taken is not self._is_taken:
            self._is_taken = is_taken
            if is_taken:
                log.info("traces_taken_again")
            else:
                log.warning("traces_lost")
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def trace_of(request_id: str) -> int:
    return int.from_bytes(blake2b(request_id.encode(), digest_size=16, person=b"trace").digest())


def span_of(request_id: str) -> int:
    return int.from_bytes(blake2b(request_id.encode(), digest_size=8, person=b"span").digest())


def listed(attributes: Mapping[str, Value | None]) -> dict[str, Value]:
    """Those that a log line may have too."""
    return {name: value for name, value in attributes.items() if name in LISTED and value is not None}


def _below(span: Span) -> Context:
    if span.parent_id is None:
        return Context()
    parent = SpanContext(span.trace_id, span.parent_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _note(**attributes: Value | None) -> None:
    if (span := CURRENT.get()) is not None:
        span.attributes.update(attributes)


def _ids() -> dict[str, Value | None]:
    """What the call of a task is about; an attempt's stand in the attempt's own span."""
    bound = structlog.contextvars.get_contextvars()
    return {name: bound[name] for name in OF_TASKS if name in bound}


def _bound(name: str) -> str | None:
    value = structlog.contextvars.get_contextvars().get(name)
    return value if isinstance(value, str) else None
