-- Answers of requests with an Idempotency-Key, for a while, and who is making one. Times are Unix milliseconds.
create table answers (
    id text primary key,
    key_id text not null,
    request_id text not null,
    at bigint not null,
    until bigint not null,
    expires bigint not null,
    state text not null check (state in ('running', 'kept', 'lost')),
    fingerprint text not null,
    status bigint not null,
    headers text not null,
    body bytea not null,
    size bigint not null
);
create index answers_expires on answers (expires);
create index answers_key on answers (key_id, at desc, id, size, state);
