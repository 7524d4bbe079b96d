-- One row for each request, exactly once; never content. Times are Unix milliseconds, costs millionths of the currency.
create table ledger (
    number bigint generated always as identity primary key,
    request_id text not null unique,
    key_id text not null,
    route text not null,
    status text not null check (status in ('ok', 'refused', 'failed', 'left')),
    at bigint not null,
    model text not null,
    engine text not null,
    finish_reason text not null,
    error text not null,
    prompt_tokens bigint not null,
    completion_tokens bigint not null,
    image_tokens bigint not null,
    cached_tokens bigint not null,
    reasoning_tokens bigint not null,
    estimated smallint not null check (estimated in (0, 1)),
    pages bigint not null,
    images bigint not null,
    ttft_ms bigint not null,
    total_ms bigint not null,
    queue_ms bigint not null,
    cost bigint not null
);
create index ledger_at on ledger (at, request_id);
create index ledger_key on ledger (key_id, at, request_id);
-- Sums of each day (UTC, counted from 1 January 1970), kept in step with the rows and longer than they are.
create table ledger_days (
    day bigint not null,
    key_id text not null,
    model text not null,
    requests bigint not null,
    refused bigint not null,
    failed bigint not null,
    "left" bigint not null,
    prompt_tokens bigint not null,
    completion_tokens bigint not null,
    image_tokens bigint not null,
    cached_tokens bigint not null,
    reasoning_tokens bigint not null,
    pages bigint not null,
    images bigint not null,
    cost bigint not null,
    primary key (day, key_id, model)
);
