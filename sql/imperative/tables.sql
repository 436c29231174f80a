create schema if not exists derived;

create table if not exists derived.session_summary (
    domain_sessionid varchar(128),
    start_tstamp timestamp,
    end_tstamp timestamp,
    page_views bigint,
    events bigint
);
