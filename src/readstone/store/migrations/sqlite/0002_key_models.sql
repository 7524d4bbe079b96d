-- The models a key may use, as a JSON array of names; an empty one means all.
alter table keys add column models text not null default '[]' check (json_valid(models));
