-- Whose a key is, what it is for (`scopes`, a JSON array of names), until when it opens anything (Unix seconds), and, after
-- a rotation, the hash of the secret before and until when that one opens it too.
alter table keys add column owner text not null default '';
alter table keys add column scopes text not null default '["api"]';
alter table keys add column expires_at bigint;
alter table keys add column former_hash bytea not null default decode(repeat('00', 32), 'hex');
alter table keys add column former_until bigint not null default 0;
update keys set scopes = '["api", "admin"]' where admin = 1;
alter table keys drop column admin;
-- Whoever changes a key, servers are told, so that none of them goes on with what it knew.
create function readstone_keys_changed() returns trigger language plpgsql as $$
begin
    perform pg_notify('readstone_keys', '');
    return null;
end
$$;
create trigger keys_changed after insert or update or delete or truncate on keys
for each statement execute function readstone_keys_changed();
