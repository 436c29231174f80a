-- derived.session_events: one row per session and event name (domain_sessionid, event_name).
--
-- Definitions (Snowplow's standard web model, whose sessions count events by name):
--   * The events of a session are those of derived.sessions: the counts of a session add up to its total_events.
--   * Events without a name stand under 'unknown'. first_tstamp and last_tstamp: first and last derived_tstamp.
--   * Events without a session are left out.
{%- set policies %}
    {%- if app_ids %}
        and app_id in ({{ app_ids | lit }})
    {%- endif %}
    {%- if bot_filter %}
        and coalesce(lower(br_type), '') not like '%robot%'
        {%- for word in bot_words %}
        and coalesce(lower(useragent), '') not like '%{{ word }}%'
        {%- endfor %}
    {%- endif %}
    {%- if max_days_late %}
        and coalesce(
            extract(epoch from date_trunc('second', dvce_sent_tstamp))
            - extract(epoch from date_trunc('second', dvce_created_tstamp)), 0
        ) <= 86400 * {{ max_days_late }}
    {%- endif %}
{%- endset %}

{% if max_session_days -%}
with starts as (
    select
        domain_sessionid,
        min(derived_tstamp) as start_tstamp
    from atomic.events
    where domain_sessionid is not null
        {{- policies }}
    group by domain_sessionid
)

{% endif -%}
select
    e.domain_sessionid,
    coalesce(e.event_name, 'unknown') as event_name,
    count(*) as events,
    min(e.derived_tstamp) as first_tstamp,
    max(e.derived_tstamp) as last_tstamp
from atomic.events as e
{%- if max_session_days %}
inner join starts as b
    on b.domain_sessionid = e.domain_sessionid
    and coalesce(
        extract(epoch from date_trunc('second', e.derived_tstamp))
        - extract(epoch from date_trunc('second', b.start_tstamp)), 0
    ) <= 86400 * {{ max_session_days }}
{%- endif %}
where e.domain_sessionid is not null
    {{- policies }}
group by e.domain_sessionid, coalesce(e.event_name, 'unknown')
