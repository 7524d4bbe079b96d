-- A key's own limits, as a JSON object; what it does not name is the configuration's.
alter table keys add column limits text not null default '{}';
