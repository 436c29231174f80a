-- derived.ecommerce_cart_interactions: one row per event that changed or transacted a cart (domain_sessionid, event_id).
--
-- Definitions (Snowplow's e-commerce model):
--   * Cart interactions are add_to_cart, remove_from_cart and transaction.
--   * A cart is created by an add_to_cart after which it is worth just what was added (price times quantity, 1 where none is
--     given); null where nothing was added or the cart has no value.
--   * A cart is emptied when its value is 0 (null: it has none), and transacted by a transaction.

with added as (
    select
        domain_sessionid,
        event_id,
        sum(product_price * coalesce(product_quantity, 1)) as value_added
    from derived.ecommerce_product_interactions
    where is_add_to_cart
    group by domain_sessionid, event_id
)

select
    e.event_id,
    e.page_view_id,
    e.domain_sessionid,
    e.event_in_session_index,
    e.domain_userid,
    e.network_userid,
    e.user_id,
    e.app_id,
    e.ecommerce_user_id,
    e.derived_tstamp,
    e.derived_tstamp_date,
    e.cart_id,
    e.cart_currency,
    e.cart_total_value,
    a.value_added = e.cart_total_value as cart_created,
    e.cart_total_value = 0 as cart_emptied,
    e.ecommerce_action_type = 'transaction' as cart_transacted,
    e.ecommerce_action_type
from derived.ecommerce_events as e
left join added as a
    on a.domain_sessionid = e.domain_sessionid
    and a.event_id = e.event_id
where e.ecommerce_action_type in ('add_to_cart', 'remove_from_cart', 'transaction')
