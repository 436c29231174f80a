-- derived.ecommerce_sessions: one row per session (domain_sessionid) that has e-commerce events.
--
-- Definitions (Snowplow's e-commerce model):
--   * start_tstamp and end_tstamp: first and last collector_tstamp of its e-commerce events. All other times are
--     derived_tstamp.
--   * User and app are those of its first event by collector_tstamp, derived_tstamp, event_id.
--   * A session's cart is abandoned if more carts were created than transacted.
--   * A checkout is attempted at step 1, and succeeds with a transaction.
--   * Products are counted once per event: number_product_views is the number of events that showed products.
--   * What is said of products, carts, checkout or transactions is null where the session has none of the kind.

with sessions as (
    select
        domain_sessionid,
        min(collector_tstamp) as start_tstamp,
        max(collector_tstamp) as end_tstamp
    from derived.ecommerce_events
    group by domain_sessionid
),

first_events as (
    select
        domain_sessionid,
        domain_userid,
        app_id,
        row_number() over (
            partition by domain_sessionid
            order by
                collector_tstamp nulls last,
                derived_tstamp nulls last,
                event_id
        ) as event_number
    from derived.ecommerce_events
),

carts as (
    select
        domain_sessionid,
        count(distinct cart_id) as number_unique_cart_ids,
        count(case when cart_created then 1 end) as number_carts_created,
        count(case when cart_emptied then 1 end) as number_carts_emptied,
        count(case when cart_transacted then 1 end) as number_carts_transacted,
        min(case when cart_created then derived_tstamp end) as first_cart_created,
        max(case when cart_created then derived_tstamp end) as last_cart_created,
        min(case when cart_transacted then derived_tstamp end) as first_cart_transacted,
        max(case when cart_transacted then derived_tstamp end) as last_cart_transacted
    from derived.ecommerce_cart_interactions
    group by domain_sessionid
),

checkouts as (
    select
        domain_sessionid,
        count(case when session_entered_at_step then 1 end) > 0 as session_entered_at_checkout,
        count(distinct checkout_step_number) as number_unique_checkout_steps_attempted,
        count(*) as number_checkout_steps_visited,
        count(case when checkout_succeeded then 1 end) > 0 as checkout_succeeded,
        min(case when checkout_step_number = 1 then derived_tstamp end) as first_checkout_attempted,
        max(case when checkout_step_number = 1 then derived_tstamp end) as last_checkout_attempted,
        min(case when checkout_succeeded then derived_tstamp end) as first_checkout_succeeded,
        max(case when checkout_succeeded then derived_tstamp end) as last_checkout_succeeded
    from derived.ecommerce_checkout_interactions
    group by domain_sessionid
),

products as (
    select
        domain_sessionid,
        min(case when is_product_view then derived_tstamp end) as first_product_view,
        max(case when is_product_view then derived_tstamp end) as last_product_view,
        min(case when is_add_to_cart then derived_tstamp end) as first_product_add_to_cart,
        max(case when is_add_to_cart then derived_tstamp end) as last_product_add_to_cart,
        min(case when is_remove_from_cart then derived_tstamp end) as first_product_remove_from_cart,
        max(case when is_remove_from_cart then derived_tstamp end) as last_product_remove_from_cart,
        min(case when is_product_transaction then derived_tstamp end) as first_product_transaction,
        max(case when is_product_transaction then derived_tstamp end) as last_product_transaction,
        count(distinct case when is_product_view then event_id end) as number_product_views,
        count(distinct case when is_add_to_cart then event_id end) as number_add_to_carts,
        count(distinct case when is_remove_from_cart then event_id end) as number_remove_from_carts,
        count(distinct case when is_product_transaction then event_id end) as number_product_transactions
    from derived.ecommerce_product_interactions
    group by domain_sessionid
),

transactions as (
    select
        domain_sessionid,
        min(derived_tstamp) as first_transaction_completed,
        max(derived_tstamp) as last_transaction_completed,
        cast(sum(transaction_revenue) as decimal(18, 4)) as total_transaction_revenue,
        cast(sum(transaction_total_quantity) as bigint) as total_transaction_quantity,
        count(distinct transaction_id) as total_number_transactions,
        cast(sum(number_products) as bigint) as total_transacted_products
    from derived.ecommerce_transaction_interactions
    group by domain_sessionid
)

select
    s.domain_sessionid,
    f.domain_userid,
    s.start_tstamp,
    s.end_tstamp,
    f.app_id,
    c.number_unique_cart_ids,
    c.number_carts_created,
    c.number_carts_emptied,
    c.number_carts_transacted,
    c.first_cart_created,
    c.last_cart_created,
    c.first_cart_transacted,
    c.last_cart_transacted,
    c.number_carts_created > c.number_carts_transacted as session_cart_abandoned,
    k.session_entered_at_checkout,
    k.number_unique_checkout_steps_attempted,
    k.number_checkout_steps_visited,
    k.checkout_succeeded,
    k.first_checkout_attempted,
    k.last_checkout_attempted,
    k.first_checkout_succeeded,
    k.last_checkout_succeeded,
    p.first_product_view,
    p.last_product_view,
    p.first_product_add_to_cart,
    p.last_product_add_to_cart,
    p.first_product_remove_from_cart,
    p.last_product_remove_from_cart,
    p.first_product_transaction,
    p.last_product_transaction,
    p.number_product_views,
    p.number_add_to_carts,
    p.number_remove_from_carts,
    p.number_product_transactions,
    t.first_transaction_completed,
    t.last_transaction_completed,
    t.total_transaction_revenue,
    t.total_transaction_quantity,
    t.total_number_transactions,
    t.total_transacted_products
from sessions as s
left join first_events as f
    on f.domain_sessionid = s.domain_sessionid
    and f.event_number = 1
left join carts as c
    on c.domain_sessionid = s.domain_sessionid
left join checkouts as k
    on k.domain_sessionid = s.domain_sessionid
left join products as p
    on p.domain_sessionid = s.domain_sessionid
left join transactions as t
    on t.domain_sessionid = s.domain_sessionid
