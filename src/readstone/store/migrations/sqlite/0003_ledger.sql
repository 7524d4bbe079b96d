-- One row for each request, exactly once; never content. Times are Unix milliseconds, costs millionths of the currency.
create table ledger (
    number integer primary key,
    request_id text not null unique,
    key_id text not null,
    route text not null,
    status text not null check (status in ('ok', 'refused', 'failed', 'left')),
    at integer not null,
    model text not null,
    engine text not null,
    finish_reason text not null,
    error text not null,
    prompt_tokens integer not null,
    completion_tokens integer not null,
    image_tokens integer not null,
    cached_tokens integer not null,
    reasoning_tokens integer not null,
    estimated integer not null check (estimated in (0, 1)),
    pages integer not null,
    images integer not null,
    ttft_ms integer not null,
    total_ms integer not null,
    queue_ms integer not null,
    cost integer not null
) strict;
create index ledger_at on ledger (at, request_id);
create index ledger_key on ledger (key_id, at, request_id);
-- Sums of each day (UTC, counted from 1 January 1970), kept in step with the rows and longer than they are.
create table ledger_days (
    day integer not null,
    key_id text not null,
    model text not null,
    requests integer not null,
    refused integer not null,
    failed integer not null,
    "left" integer not null,
    prompt_tokens integer not null,
    completion_tokens integer not null,
    image_tokens integer not null,
    cached_tokens integer not null,
    reasoning_tokens integer not null,
    pages integer not null,
    images integer not null,
    cost integer not null,
    primary key (day, key_id, model)
) strict, without rowid;
