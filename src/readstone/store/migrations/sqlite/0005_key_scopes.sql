-- Whose a key is, what it is for (`scopes`, a JSON array of names), until when it opens anything (Unix seconds), and, after
-- a rotation, the hash of the secret before and until when that one opens it too.
alter table keys add column owner text not null default '';
alter table keys add column scopes text not null default '["api"]' check (json_valid(scopes));
alter table keys add column expires_at integer;
alter table keys add column former_hash blob not null default x'0000000000000000000000000000000000000000000000000000000000000000';
alter table keys add column former_until integer not null default 0;
update keys set scopes = '["api", "admin"]' where admin = 1;
alter table keys drop column admin;
