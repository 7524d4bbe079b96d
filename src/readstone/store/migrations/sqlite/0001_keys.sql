-- API keys; the secret itself is never stored.
create table keys (
    public_id text primary key,
    name text not null,
    secret_hash blob not null,
    admin integer not null check (admin in (0, 1)),
    created_at integer not null,
    revoked_at integer
) strict;
