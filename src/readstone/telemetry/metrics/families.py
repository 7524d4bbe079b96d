"""Every family there is. Those named `gen_ai` and `http` are OpenTelemetry's semantic conventions, buckets included."""

from typing import Final

from readstone.telemetry.metrics.family import Family

OPERATION: Final = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")
"""The labels of everything that is OpenTelemetry's of a model."""

_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_OPERATION_SECONDS = tuple(0.01 * 2**power for power in range(14))
_FIRST_SECONDS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
_TOKEN_SECONDS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_TOKENS = tuple(float(4**power) for power in range(14))
_WAITS = (0.001, 0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_SHORT_WAITS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0)
_SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)

HTTP_DURATION: Final = Family(
    "http.server.request.duration",
    "histogram",
    "s",
    "Requests by route: from their arrival to the end of their answer.",
    ("http.request.method", "http.route", "http.response.status_code"),
    _REQUEST_SECONDS,
)
REQUESTS: Final = Family(
    "readstone.requests",
    "counter",
    "{request}",
    "Requests that have ended; the model is empty where none was asked, the error where there was none.",
    ("http.route", "gen_ai.request.model", "http.response.status_code", "error.type"),
)
OPERATION_DURATION: Final = Family(
    "gen_ai.server.request.duration",
    "histogram",
    "s",
    "Requests by model: from their arrival to the end of their answer.",
    (*OPERATION, "error.type"),
    _OPERATION_SECONDS,
)
FIRST_TOKEN: Final = Family(
    "gen_ai.server.time_to_first_token",
    "histogram",
    "s",
    "From a request's arrival to the first token of its answer.",
    OPERATION,
    _FIRST_SECONDS,
)
OUTPUT_TOKEN: Final = Family(
    "gen_ai.server.time_per_output_token",
    "histogram",
    "s",
    "Time for each token of an answer after the first.",
    OPERATION,
    _TOKEN_SECONDS,
)
TOKEN_USAGE: Final = Family(
    "gen_ai.client.token.usage",
    "histogram",
    "{token}",
    "Tokens of a request: of its prompt (input, images included) and of its answer (output).",
    (*OPERATION, "gen_ai.token.type"),
    _TOKENS,
)
PAGES: Final = Family(
    "readstone.pages", "counter", "{page}", "Images and pages looked at.", ("gen_ai.request.model",)
)
QUEUE_DURATION: Final = Family(
    "readstone.queue.duration",
    "histogram",
    "s",
    "How long requests waited for a permit.",
    ("gen_ai.request.model",),
    _WAITS,
)
REFUSALS: Final = Family(
    "readstone.limit.refusals",
    "counter",
    "{request}",
    "Requests refused because of a limit, a budget or a full queue, by the error's code and what there was no more of.",
    ("gen_ai.request.model", "error.type", "readstone.limit"),
)
KEY_FAILURES: Final = Family(
    "readstone.key.failures",
    "counter",
    "{request}",
    "Requests without a valid key, by the error's code.",
    ("error.type",),
)
ACTIVE: Final = Family(
    "readstone.requests.active", "gauge", "{request}", "Requests that are being answered."
)
QUEUE_LENGTH: Final = Family(
    "readstone.queue.length",
    "gauge",
    "{request}",
    "Requests that wait for a permit.",
    ("readstone.engine",),
)
PERMITS_USED: Final = Family(
    "readstone.permits.used",
    "gauge",
    "{request}",
    "Permits that requests hold.",
    ("readstone.engine",),
)
PERMITS_LIMIT: Final = Family(
    "readstone.permits.limit",
    "gauge",
    "{request}",
    "Permits there are.",
    ("readstone.engine",),
)
INTAKE_HELD: Final = Family(
    "readstone.intake.held", "gauge", "By", "Bytes of bodies and images that are held."
)
INTAKE_LIMIT: Final = Family(
    "readstone.intake.limit", "gauge", "By", "Bytes of bodies and images that may be held."
)
ENGINE_STATE: Final = Family(
    "readstone.engine.state",
    "gauge",
    "",
    "1 for the state an engine is in, 0 for the others.",
    ("readstone.engine", "readstone.state"),
    merge="max",
)
MEMBER_OPEN: Final = Family(
    "readstone.pool.member.open",
    "gauge",
    "",
    "1 where a pool sends requests to a member, 0 where it is full, down, or its circuit is open.",
    ("readstone.engine", "readstone.member"),
    merge="max",
)
MEMBER_CIRCUIT: Final = Family(
    "readstone.pool.member.circuit_open",
    "gauge",
    "",
    "1 where a member's circuit is open.",
    ("readstone.engine", "readstone.member"),
    merge="max",
)
MEMBER_REQUESTS: Final = Family(
    "readstone.pool.member.requests",
    "gauge",
    "{request}",
    "Requests that are at a member.",
    ("readstone.engine", "readstone.member"),
)
LEDGER_BATCH: Final = Family(
    "readstone.ledger.batch.size",
    "histogram",
    "{entry}",
    "Entries of the ledger that were committed together.",
    (),
    _SIZES,
)
LEDGER_COMMIT: Final = Family(
    "readstone.ledger.commit.duration",
    "histogram",
    "s",
    "How long a commit of the ledger took.",
    (),
    _SHORT_WAITS,
)
LEDGER_WAITING: Final = Family(
    "readstone.ledger.waiting", "gauge", "{entry}", "Entries that wait to be committed."
)
FETCH_DURATION: Final = Family(
    "readstone.image_fetch.duration",
    "histogram",
    "s",
    "Images and PDFs fetched by URL (or had from a moment ago), by outcome: ok or the error's code.",
    ("readstone.outcome",),
    _WAITS,
)
EVENTS: Final = Family(
    "readstone.events",
    "counter",
    "{event}",
    "Lines of the log but those of requests, by event: restarts, circuits, fallbacks, stores that fail.",
    ("readstone.event", "readstone.engine"),
)
REPLAYS: Final = Family(
    "readstone.idempotency",
    "counter",
    "{request}",
    "Requests with an Idempotency-Key, by outcome: first, replayed, or the error's code.",
    ("readstone.outcome",),
)
PROCESS_CPU: Final = Family(
    "process.cpu", "counter", "s", "CPU time, user and system.", ("readstone.worker",)
)
PROCESS_MEMORY: Final = Family(
    "process.resident_memory", "gauge", "By", "Resident memory.", ("readstone.worker",)
)
PROCESS_FILES: Final = Family(
    "process.open_fds", "gauge", "", "Open files and sockets.", ("readstone.worker",)
)
PROCESS_START: Final = Family(
    "process.start_time", "gauge", "s", "Start, in Unix seconds.", ("readstone.worker",)
)
BUILD: Final = Family(
    "readstone.build",
    "gauge",
    "",
    "1; the label says which version runs.",
    ("service.version",),
    merge="max",
)

FAMILIES: Final = (
    *(HTTP_DURATION, REQUESTS, OPERATION_DURATION, FIRST_TOKEN, OUTPUT_TOKEN, TOKEN_USAGE, PAGES),
    *(QUEUE_DURATION, REFUSALS, KEY_FAILURES, ACTIVE, QUEUE_LENGTH, PERMITS_USED, PERMITS_LIMIT),
    *(INTAKE_HELD, INTAKE_LIMIT, ENGINE_STATE, MEMBER_OPEN, MEMBER_CIRCUIT, MEMBER_REQUESTS),
    *(LEDGER_BATCH, LEDGER_COMMIT, LEDGER_WAITING, FETCH_DURATION, EVENTS, REPLAYS),
    *(PROCESS_CPU, PROCESS_MEMORY, PROCESS_FILES, PROCESS_START, BUILD),
)
"""In the order they are told."""

NUMBERS: Final = {family.name: number for number, family in enumerate(FAMILIES)}
"""What a family is called in the memory that processes share."""
