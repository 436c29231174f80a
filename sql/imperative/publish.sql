-- The keys name every session that may have changed, those that lost all of their events too.
delete from derived.session_summary
where domain_sessionid in (select domain_sessionid from {{ keys.domain_sessionid }});

insert into derived.session_summary (domain_sessionid, start_tstamp, end_tstamp, page_views, events)
select domain_sessionid, start_tstamp, end_tstamp, page_views, events
from {{ scratch }}.session_summary;
