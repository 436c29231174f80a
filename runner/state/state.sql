-- The runner's own tables, in the common subset of all engines. `:name` is a value, which is quoted when it is filled in;
-- `{name}` is SQL: {s} the quoted state schema, other quoted names, {now} the warehouse's clock. Only the
-- modules beside this file send them.

-- name: create-meta
create table if not exists {s}.meta (version integer not null)

-- name: create-manifest
create table if not exists {s}.manifest (
    playbook varchar(200) not null,
    source varchar(400) not null,
    etl_tstamp timestamp not null,      -- UTC; rows without one are the batch 0001-01-01
    event_count bigint not null,
    fingerprint varchar(200),
    rewound boolean not null,           -- asked to be processed again
    run_id varchar(300) not null,
    commit_tstamp timestamp not null
)

-- name: create-runs
create table if not exists {s}.runs (
    playbook varchar(200) not null,
    run_id varchar(300) not null,       -- as its user names it, up to 250, and what tells runs of one name apart
    status varchar(20) not null,        -- published, failed
    version bigint,
    started_tstamp timestamp not null,
    commit_tstamp timestamp,
    duration_s double precision,
    batch_count bigint,
    event_count bigint,
    after_done boolean not null,
    playbook_digest varchar(64),
    runner_version varchar(40),
    error varchar(4000),
    manifest_batches bigint,            -- what the manifest and `models` held then: other numbers tell of a loss
    accounted_models bigint
)

-- name: create-run-models
create table if not exists {s}.run_models (
    playbook varchar(200) not null,
    run_id varchar(300) not null,
    model_number integer not null,      -- the order in which they were worked on
    table_name varchar(400) not null,
    stored_as varchar(400) not null,    -- its name in the warehouse: whose it is, should `models` get lost
    extent varchar(20) not null,        -- all, keys, none, left out
    reason varchar(400) not null,       -- why it was built in full
    key_count bigint not null,          -- rows, where it was built in full
    inserted bigint not null,
    updated bigint not null,
    deleted bigint not null,
    duration_s double precision not null
)

-- name: create-models
create table if not exists {s}.models (
    playbook varchar(200) not null,
    table_name varchar(400) not null,
    digest varchar(64) not null,        -- of the definition that the rows were built with
    inputs varchar(64) not null,        -- of the names and types of the columns that it read
    instant varchar(30) not null,       -- what its clock said, UTC; '' where it reads none
    as_of_run varchar(300) not null,    -- the last published run that accounted for it
    owes varchar(10) not null,          -- '' nothing, 'keys' see its dirty table, 'all' a full build
    owed_count bigint,                  -- the rows of its dirty table
    trial varchar(100) not null,        -- the guard that the definition has passed; '' none
    run_id varchar(300) not null,
    row_count bigint,                   -- as published; null where that is not known, and for views
    storage varchar(40),                -- where the rows lay then: another place tells of TRUNCATE or a restore
    changes bigint                      -- what the engine should have counted of inserted and deleted rows since it was made
)

-- name: create-lookups
create table if not exists {s}.lookups (
    playbook varchar(200) not null,
    table_name varchar(400) not null,   -- the model that reads it
    lookup varchar(400) not null,
    fingerprint varchar(200) not null
)

-- name: create-key-index
create table if not exists {s}.key_index (
    playbook varchar(200) not null,
    source varchar(400) not null,       -- or a look-up with a key
    key_digest varchar(64) not null,    -- of the key expressions; of a look-up's columns that are kept
    key_text varchar(4000) not null,
    keys_table varchar(100) not null,
    run_id varchar(300) not null,
    row_count bigint                    -- of a look-up with a key, whose rows are kept: how many they are
)

-- name: create-lease
create table if not exists {s}.lease (
    playbook varchar(200) not null,
    run_id varchar(300),
    session varchar(200),
    started_tstamp timestamp,
    lease_until timestamp
)

-- name: first-state
-- the fence's table is made with its only row: two runners that start at once must not insert two. It begins above all
-- that was published: the last run is the one of the highest version
select cast(coalesce((select max(version) from {s}.runs where playbook = :playbook), 0) as bigint) as version, cast(null as varchar(300)) as run_id,
    cast(:state_version as integer) as state_version

-- name: meta-read
select max(version) from {s}.meta

-- name: meta-insert
insert into {s}.meta (version)
select :version where not exists (select 1 from {s}.meta)

-- name: meta-hold
-- another runner that begins the state anew waits here, and finds it done
update {s}.meta set version = version where version < :version

-- name: meta-raise
update {s}.meta set version = :version

-- name: part-read
select state_version from {s}.{state_table}

-- name: whole-read
-- what every command relies on, in one statement that fails where a table is not there
select (select max(version) from {s}.meta), (select max(state_version) from {s}.{state_table}),
    (select count(*) from {s}.{state_table}), (select count(*) from {s}.manifest where 1 = 0),
    (select count(*) from {s}.runs where 1 = 0), (select count(*) from {s}.run_models where 1 = 0),
    (select count(*) from {s}.models where 1 = 0), (select count(*) from {s}.lookups where 1 = 0),
    (select count(*) from {s}.key_index where 1 = 0), (select count(*) from {s}.lease where 1 = 0)

-- name: past-read
select 1 from {s}.{table} where playbook = :playbook limit 1

-- name: fence-fill
insert into {s}.{state_table} (version, run_id, state_version)
select 0, null, :state_version where not exists (select 1 from {s}.{state_table})

-- name: fence-begin
update {s}.{state_table} set run_id = null, state_version = :state_version, version = 1 +
    case when version < (select coalesce(max(version), 0) from {s}.runs where playbook = :playbook)
    then (select coalesce(max(version), 0) from {s}.runs where playbook = :playbook) else version end

-- name: manifest-forget
delete from {s}.manifest where playbook = :playbook

-- name: lookups-forget
delete from {s}.lookups where playbook = :playbook

-- name: indexes-forget
delete from {s}.key_index where playbook = :playbook

-- name: own-models-forget
-- whose the tables are stays known, what their rows were built with does not
update {s}.models set digest = '', as_of_run = '', owes = 'all', row_count = null where playbook = :playbook

-- name: models-claim
-- tables that a run has written, should `models` have lost them
insert into {s}.models (playbook, table_name, digest, inputs, instant, as_of_run, owes, trial, run_id)
select distinct :playbook, m.stored_as, '', '', '', '', 'all', '', '' from {s}.run_models m
where m.playbook = :playbook and m.extent <> 'left out'
and not exists (select 1 from {s}.models k where k.table_name = m.stored_as)

-- name: part-mark
-- the playbook's own part of the state, of which nothing is left or nothing is there yet; whoever read it is outlawed
update {s}.{state_table} set version = version + 1, run_id = null, state_version = :state_version
where state_version <> :state_version

-- name: playbooks-read
select playbook from {s}.manifest union select playbook from {s}.runs union select playbook from {s}.models

-- name: lease-lock
-- before lease-insert, so that two runners that start at once do not insert two rows
update {s}.{state_table} set version = version

-- name: lease-insert
insert into {s}.lease (playbook)
select :playbook where not exists (select 1 from {s}.lease where playbook = :playbook)

-- name: lease-take
update {s}.lease set run_id = :run_id, session = {session}, started_tstamp = {now},
    lease_until = {now} + interval '{lease_s} seconds'
where playbook = :playbook and (run_id is null or lease_until < {now} or session = :gone)

-- name: lease-holder
select run_id, cast(started_tstamp as varchar(30)), cast(lease_until as varchar(30)), session from {s}.lease
where playbook = :playbook

-- name: lease-look
select lease_until < {now}, session from {s}.lease where playbook = :playbook and run_id is not null

-- name: lease-renew
update {s}.lease set lease_until = {now} + interval '{lease_s} seconds'
where playbook = :playbook and run_id = :run_id

-- name: lease-keep
update {s}.lease set session = {session} where playbook = :playbook and run_id = :run_id

-- name: lease-release
-- another run may have the same name, and have the lease by now
update {s}.lease set run_id = null, session = null, lease_until = null
where playbook = :playbook and run_id = :run_id and session = {session}

-- name: lease-break
update {s}.lease set run_id = null, session = null, lease_until = null where playbook = :playbook

-- name: fence-look
select version, run_id from {s}.{state_table}

-- name: version-read
select version from {s}.{state_table}

-- name: version-raise
update {s}.{state_table} set version = version + 1

-- name: fence-lock
update {s}.{state_table} set run_id = :run_id

-- name: fence-read
select version from {s}.{state_table}

-- name: fence-raise
update {s}.{state_table} set version = version + 1 where version = :version

-- name: processed
select etl_tstamp, event_count, fingerprint, rewound from {s}.manifest
where playbook = :playbook and source = :source

-- name: newest
-- what the last run that read anything of a source has read of it
select etl_tstamp, event_count from {s}.manifest where playbook = :playbook and source = :source
and run_id = (select run_id from {s}.manifest where playbook = :playbook and source = :source
    order by commit_tstamp desc limit 1)

-- name: models-read
select table_name, digest, inputs, instant, as_of_run, owes, owed_count, trial, row_count, storage, changes
from {s}.models
where playbook = :playbook

-- name: owned-read
select table_name from {s}.models where playbook = :playbook

-- name: owners-read
select table_name, playbook from {s}.models where playbook <> :playbook

-- name: lookups-read
select table_name, lookup, fingerprint from {s}.lookups where playbook = :playbook

-- name: indexes-read
select source, key_digest, keys_table, row_count from {s}.key_index where playbook = :playbook

-- name: last-published
select run_id, after_done, version, manifest_batches, accounted_models,
    (select count(*) from {s}.manifest where playbook = :playbook)
from {s}.runs
where playbook = :playbook and status = 'published'
order by version desc limit 1

-- name: digests-read
select playbook_digest from {s}.runs
where playbook = :playbook and status = 'published'
order by version desc limit 20

-- name: runs-named
select run_id from {s}.runs where playbook = :playbook and status = 'published'
and substring(run_id, 1, :length) = :run_id

-- name: published-after
select run_id, version from {s}.runs where playbook = :playbook and version > :version and status = 'published'

-- name: manifest-delete
delete from {s}.manifest where playbook = :playbook and source = :source
and etl_tstamp in (select etl_tstamp from {batches})

-- name: manifest-insert
insert into {s}.manifest (playbook, source, etl_tstamp, event_count, fingerprint, rewound, run_id, commit_tstamp)
select :playbook, :source, etl_tstamp, event_count, fingerprint, false, :run_id, {now}
from {batches} where event_count > 0

-- name: index-delete
delete from {keys_table} where etl_tstamp in (select etl_tstamp from {batches})

-- name: index-insert
insert into {keys_table} ({columns}) select {columns} from {pairs}

-- name: index-mark
-- of ids: those that stand more than once. One that stands alone by now stays marked, and is looked at in vain
update {keys_table} set copied = true where etl_tstamp in (select etl_tstamp from {stirred} where stands > 1)
and k1 in (select k1 from {stirred} where stands > 1)

-- name: index-register
insert into {s}.key_index (playbook, source, key_digest, key_text, keys_table, run_id)
values (:playbook, :source, :key_digest, :key_text, :keys_table, :run_id)

-- name: kept-register
insert into {s}.key_index (playbook, source, key_digest, key_text, keys_table, run_id, row_count)
select :playbook, :source, :key_digest, :key_text, :keys_table, :run_id, count(*) from {table}

-- name: kept-delete
delete from {keys_table} where {found}

-- name: kept-insert
insert into {keys_table} ({columns}) select {columns} from {differing} where runner_now > 0

-- name: kept-count
update {s}.key_index set run_id = :run_id, row_count = (select count(*) from {table})
where playbook = :playbook and source = :source and key_digest = :key_digest

-- name: index-forget
delete from {s}.key_index where playbook = :playbook and source = :source and key_digest = :key_digest

-- name: model-delete
delete from {s}.models where playbook = :playbook and table_name = :table_name

-- name: model-insert
insert into {s}.models (playbook, table_name, digest, inputs, instant, as_of_run, owes, trial, run_id,
    row_count, storage, changes)
select :playbook, :table_name, :digest, :inputs, :instant, :run_id, :owes, :trial, :run_id,
    cast(:row_count as bigint), cast({storage} as varchar(40)), cast(:changes as bigint)

-- name: model-trace
-- nothing came or went: only where the rows lie, or what was counted, is another
update {s}.models set storage = :storage, changes = cast(:changes as bigint)
where playbook = :playbook and table_name = :table_name

-- name: model-as-of
update {s}.models set as_of_run = :run_id, owes = :owes, owed_count = {owed} where playbook = :playbook and table_name = :table_name

-- name: model-tried
update {s}.models set trial = :trial where playbook = :playbook and table_name in ({tables})

-- name: model-owes
update {s}.models set owes = :owes, owed_count = {owed}
where playbook = :playbook and table_name = :table_name and owes <> 'all'

-- name: models-forget
-- whose the tables are stays known, what their rows were built with does not
update {s}.models set digest = '', as_of_run = '', owes = 'all', row_count = null

-- name: lookup-delete
delete from {s}.lookups where playbook = :playbook and table_name = :table_name

-- name: lookup-insert
insert into {s}.lookups (playbook, table_name, lookup, fingerprint)
values (:playbook, :table_name, :lookup, :fingerprint)

-- name: run-insert
insert into {s}.runs (playbook, run_id, status, version, started_tstamp, commit_tstamp, duration_s, batch_count,
    event_count, after_done, playbook_digest, runner_version, error, manifest_batches, accounted_models)
select :playbook, :run_id, :status, :version, timestamp :started, {now}, :duration_s, :batch_count,
    :event_count, :after_done, :digest, :runner_version, :error,
    (select count(*) from {s}.manifest where playbook = :playbook),
    (select count(*) from {s}.models where playbook = :playbook and as_of_run = :run_id)

-- name: run-models-insert
insert into {s}.run_models (playbook, run_id, model_number, table_name, stored_as, extent, reason, key_count, inserted, updated,
    deleted, duration_s)
values {rows}

-- name: run-models-row
(:playbook, :run_id, :model_number, :table_name, :stored_as, :extent, :reason, :key_count, :inserted, :updated, :deleted,
    :duration_s)

-- name: after-done
update {s}.runs set after_done = true where playbook = :playbook and run_id = :run_id

-- name: rewind-mark
update {s}.manifest set rewound = true
where playbook = :playbook and source = :source and etl_tstamp in (select etl_tstamp from {batches})

-- name: history
select status, run_id, cast(started_tstamp as varchar(30)), duration_s, batch_count, event_count, after_done,
    runner_version, coalesce(error, '')
from {s}.runs where playbook = :playbook order by started_tstamp desc, coalesce(version, 0) desc limit :limit

-- name: history-models
-- of as many published runs as history shows at most
select r.status, m.run_id, m.table_name, m.extent, m.reason, m.key_count, m.inserted, m.updated, m.deleted, m.duration_s
from {s}.run_models m
join (select status, run_id from {s}.runs where playbook = :playbook and status = 'published'
    order by started_tstamp desc, version desc limit :limit) r on r.run_id = m.run_id
where m.playbook = :playbook order by m.run_id, m.model_number

-- name: last-start
select cast(started_tstamp as varchar(30)) from {s}.runs
where playbook = :playbook and status = 'published' order by version desc limit 1

-- name: manifest-summary
select source, count(*), cast(sum(event_count) as bigint), cast(max(etl_tstamp) as varchar(30)),
    sum(case when rewound then 1 else 0 end), cast(max(commit_tstamp) as varchar(30))
from {s}.manifest where playbook = :playbook group by source order by source
