-- name: add_key
insert into keys (
    public_id, name, secret_hash, created_at, owner, scopes, models, limits, expires_at,
    revoked_at, former_hash, former_until
)
values (
    :public_id, :name, :secret_hash, :created_at, :owner, :scopes, :models, :limits, :expires_at,
    :revoked_at, :former_hash, :former_until
);

-- name: find_key
select
    public_id, name, secret_hash, created_at, owner, scopes, models, limits, expires_at,
    revoked_at, former_hash, former_until
from keys where public_id = :public_id;

-- name: list_keys
select
    public_id, name, secret_hash, created_at, owner, scopes, models, limits, expires_at,
    revoked_at, former_hash, former_until
from keys order by created_at, public_id;

-- Neither of these two brings back what the other, or a revocation, took away meanwhile.
-- name: change_key
update keys set
    name = :name, owner = :owner, scopes = :scopes, models = :models, limits = :limits,
    expires_at = :expires_at
where public_id = :public_id and revoked_at is null;

-- name: rotate_key
update keys set
    secret_hash = :secret_hash, former_hash = :former_hash, former_until = :former_until
where public_id = :public_id and revoked_at is null;

-- name: revoke_key
update keys set revoked_at = :at
where public_id = :public_id and revoked_at is null;

-- name: last_number
select coalesce(max(number), 0) from ledger;

-- name: append
insert into ledger (
    request_id, key_id, route, status, at, model, engine, finish_reason, error,
    prompt_tokens, completion_tokens, image_tokens, cached_tokens, reasoning_tokens, estimated,
    pages, images, ttft_ms, total_ms, queue_ms, cost
)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (request_id) do nothing;

-- name: add_up
insert into ledger_days (
    day, key_id, model, requests, refused, failed, "left",
    prompt_tokens, completion_tokens, image_tokens, cached_tokens, reasoning_tokens, pages, images, cost
)
select
    at / 86400000, key_id, model, count(*),
    sum(case when status = 'refused' then 1 else 0 end),
    sum(case when status = 'failed' then 1 else 0 end),
    sum(case when status = 'left' then 1 else 0 end),
    sum(prompt_tokens), sum(completion_tokens), sum(image_tokens), sum(cached_tokens),
    sum(reasoning_tokens), sum(pages), sum(images), sum(cost)
from ledger where number > :number
group by at / 86400000, key_id, model
on conflict (day, key_id, model) do update set
    requests = ledger_days.requests + excluded.requests,
    refused = ledger_days.refused + excluded.refused,
    failed = ledger_days.failed + excluded.failed,
    "left" = ledger_days."left" + excluded."left",
    prompt_tokens = ledger_days.prompt_tokens + excluded.prompt_tokens,
    completion_tokens = ledger_days.completion_tokens + excluded.completion_tokens,
    image_tokens = ledger_days.image_tokens + excluded.image_tokens,
    cached_tokens = ledger_days.cached_tokens + excluded.cached_tokens,
    reasoning_tokens = ledger_days.reasoning_tokens + excluded.reasoning_tokens,
    pages = ledger_days.pages + excluded.pages,
    images = ledger_days.images + excluded.images,
    cost = ledger_days.cost + excluded.cost;

-- name: usage
select
    case when :by_day = 1 then day end,
    case when :by_key = 1 then key_id else '' end,
    case when :by_model = 1 then model else '' end,
    sum(requests), sum(refused), sum(failed), sum("left"), sum(prompt_tokens), sum(completion_tokens),
    sum(image_tokens), sum(cached_tokens), sum(reasoning_tokens), sum(pages), sum(images), sum(cost)
from ledger_days
where day between :first and :last
and (:key_id = '' or key_id = :key_id) and (:model = '' or model = :model)
group by 1, 2, 3 order by 1, 2, 3;

-- name: entries
select
    request_id, key_id, route, status, at, model, engine, finish_reason, error,
    prompt_tokens, completion_tokens, image_tokens, cached_tokens, reasoning_tokens, estimated,
    pages, images, ttft_ms, total_ms, queue_ms, cost
from ledger
where at between :first and :last and (at < :at or (at = :at and request_id < :request_id))
and (:model = '' or model = :model)
order by at desc, request_id desc limit :most;

-- name: entries_of_key
select
    request_id, key_id, route, status, at, model, engine, finish_reason, error,
    prompt_tokens, completion_tokens, image_tokens, cached_tokens, reasoning_tokens, estimated,
    pages, images, ttft_ms, total_ms, queue_ms, cost
from ledger
where key_id = :key_id
and at between :first and :last and (at < :at or (at = :at and request_id < :request_id))
and (:model = '' or model = :model)
order by at desc, request_id desc limit :most;

-- name: prune
delete from ledger where number in (
    select number from ledger where at < :before order by at limit :most
);

-- The same in one statement, for stores that others write to at once; days are locked in one order by all.
-- name: append_all
with fresh as (
    insert into ledger (
        request_id, key_id, route, status, at, model, engine, finish_reason, error,
        prompt_tokens, completion_tokens, image_tokens, cached_tokens, reasoning_tokens, estimated,
        pages, images, ttft_ms, total_ms, queue_ms, cost
    )
    select * from unnest(
    cast(:request_id as text[]), cast(:key_id as text[]), cast(:route as text[]),
        cast(:status as text[]), cast(:at as bigint[]), cast(:model as text[]),
        cast(:engine as text[]), cast(:finish_reason as text[]), cast(:error as text[]),
        cast(:prompt_tokens as bigint[]), cast(:completion_tokens as bigint[]),
        cast(:image_tokens as bigint[]), cast(:cached_tokens as bigint[]),
        cast(:reasoning_tokens as bigint[]), cast(:estimated as smallint[]),
        cast(:pages as bigint[]), cast(:images as bigint[]), cast(:ttft_ms as bigint[]),
        cast(:total_ms as bigint[]), cast(:queue_ms as bigint[]), cast(:cost as bigint[])
    )
    on conflict (request_id) do nothing
    returning
        at, key_id, model, status, prompt_tokens, completion_tokens, image_tokens, cached_tokens,
        reasoning_tokens, pages, images, cost
)
insert into ledger_days (
    day, key_id, model, requests, refused, failed, "left",
    prompt_tokens, completion_tokens, image_tokens, cached_tokens, reasoning_tokens, pages, images, cost
)
select
    at / 86400000, key_id, model, count(*),
    sum(case when status = 'refused' then 1 else 0 end),
    sum(case when status = 'failed' then 1 else 0 end),
    sum(case when status = 'left' then 1 else 0 end),
    sum(prompt_tokens), sum(completion_tokens), sum(image_tokens), sum(cached_tokens),
    sum(reasoning_tokens), sum(pages), sum(images), sum(cost)
from fresh
group by at / 86400000, key_id, model
order by 1, 2, 3
on conflict (day, key_id, model) do update set
    requests = ledger_days.requests + excluded.requests,
    refused = ledger_days.refused + excluded.refused,
    failed = ledger_days.failed + excluded.failed,
    "left" = ledger_days."left" + excluded."left",
    prompt_tokens = ledger_days.prompt_tokens + excluded.prompt_tokens,
    completion_tokens = ledger_days.completion_tokens + excluded.completion_tokens,
    image_tokens = ledger_days.image_tokens + excluded.image_tokens,
    cached_tokens = ledger_days.cached_tokens + excluded.cached_tokens,
    reasoning_tokens = ledger_days.reasoning_tokens + excluded.reasoning_tokens,
    pages = ledger_days.pages + excluded.pages,
    images = ledger_days.images + excluded.images,
    cost = ledger_days.cost + excluded.cost;

-- name: entry
select
    request_id, key_id, route, status, at, model, engine, finish_reason, error,
    prompt_tokens, completion_tokens, image_tokens, cached_tokens, reasoning_tokens, estimated,
    pages, images, ttft_ms, total_ms, queue_ms, cost
from ledger where request_id = :request_id;

-- A right takes the place of one that is forgotten, or of the one named that has lapsed.
-- name: take_right
insert into answers (
    id, key_id, request_id, at, until, expires, state, fingerprint, status, headers, body, size
)
values (:id, :key_id, :request_id, :at, :until, :expires, 'running', '', 0, '', :nothing, 0)
on conflict (id) do update set
    request_id = excluded.request_id, at = excluded.at, until = excluded.until,
    expires = excluded.expires, state = excluded.state, fingerprint = excluded.fingerprint,
    status = excluded.status, headers = excluded.headers, body = excluded.body, size = excluded.size
where (answers.state <> 'running' and answers.expires <= :at)
or (answers.state = 'running' and answers.until <= :at and answers.request_id = :lapsed)
returning request_id;

-- name: find_answer
select request_id, state, until, fingerprint, status, headers, body from answers where id = :id;

-- name: hold_answer
update answers set until = :until
where id = :id and request_id = :request_id and state = 'running';

-- name: keep_answer
update answers set
    state = :state, expires = :expires, fingerprint = :fingerprint, status = :status,
    headers = :headers, body = :body, size = :size
where id = :id and request_id = :request_id and state = 'running';

-- name: release_answer
delete from answers where id = :id and request_id = :request_id and state = 'running';

-- name: forget_answers
delete from answers
where (expires <= :now and (state <> 'running' or until <= :now))
or id in (
    select id from (
        select
            id, state,
            row_number() over (partition by key_id order by at desc, id) as number,
            sum(size) over (partition by key_id order by at desc, id) as total
        from answers
    ) as ranked
    where state <> 'running' and (number > :entries or total > :bytes)
);
