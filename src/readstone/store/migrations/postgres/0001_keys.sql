-- API keys; the secret itself is never stored. `models` is a JSON array of names; an empty one means all.
create table keys (
    public_id text primary key,
    name text not null,
    secret_hash bytea not null,
    admin smallint not null check (admin in (0, 1)),
    created_at bigint not null,
    revoked_at bigint,
    models text not null default '[]'
);
