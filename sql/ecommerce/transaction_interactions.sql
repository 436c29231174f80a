-- derived.ecommerce_transaction_interactions: one row per transaction event (domain_sessionid, event_id).
--
-- Definitions (Snowplow's e-commerce model):
--   * Transactions are the events of that type; amounts and ids are those of the transaction entity.
--   * number_products counts the products of the event as the tracker listed them, whatever their quantity; null: none.

with bought as (
    select
        domain_sessionid,
        event_id,
        count(*) as number_products
    from derived.ecommerce_product_interactions
    where is_product_transaction
    group by domain_sessionid, event_id
)

select
    e.event_id,
    e.page_view_id,
    e.domain_sessionid,
    e.app_id,
    e.event_in_session_index,
    e.domain_userid,
    e.network_userid,
    e.user_id,
    e.ecommerce_user_id,
    e.derived_tstamp,
    e.derived_tstamp_date,
    e.transaction_id,
    e.transaction_currency,
    e.transaction_payment_method,
    e.transaction_revenue,
    e.transaction_total_quantity,
    e.transaction_credit_order,
    e.transaction_discount_amount,
    e.transaction_discount_code,
    e.transaction_shipping,
    e.transaction_tax,
    e.ecommerce_user_email,
    e.ecommerce_user_is_guest,
    b.number_products
from derived.ecommerce_events as e
left join bought as b
    on b.domain_sessionid = e.domain_sessionid
    and b.event_id = e.event_id
where e.ecommerce_action_type = 'transaction'
