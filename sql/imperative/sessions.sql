-- All events of every session that a pending batch touches, old ones too: late and changed events come out right.
create table {{ scratch }}.session_summary as
select
    domain_sessionid,
    min(collector_tstamp) as start_tstamp,
    max(collector_tstamp) as end_tstamp,
    sum(case when event_name = 'page_view' then 1 else 0 end) as page_views,
    count(*) as events
from {{ history.domain_sessionid }}
group by domain_sessionid;
