-- name: add_key
insert into keys (public_id, name, secret_hash, admin, created_at, revoked_at, models)
values (:public_id, :name, :secret_hash, :admin, :created_at, :revoked_at, :models);

-- name: find_key
select public_id, name, secret_hash, admin, created_at, revoked_at, models
from keys where public_id = :public_id;

-- name: list_keys
select public_id, name, secret_hash, admin, created_at, revoked_at, models
from keys order by created_at, public_id;

-- name: revoke_key
update keys set revoked_at = :at
where public_id = :public_id and revoked_at is null;
