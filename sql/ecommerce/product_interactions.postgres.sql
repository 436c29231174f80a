-- derived.ecommerce_product_interactions: one row per product of an e-commerce event (domain_sessionid, product_event_id).
--
-- Definitions (Snowplow's e-commerce model):
--   * product_event_id is the md5 of "event id-product id-n"; n numbers the rows of one product in an event from 1, in the
--     order in which the tracker listed them.
--   * A product is viewed on a page of its own (product_view) or in a list (list_view); a list has a name only there.
--   * Flags follow from the type of the event's action, and are null where it has none.
--   * Subcategories are the parts of a category like "clothes/shoes/sandals".
--   * Events without products have no row.
-- Only its line that makes a row per item differs from product_interactions.sql, which serves the other engines.

with products as (
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
        e.ecommerce_action_type,
        e.ecommerce_action_name,
        e.transaction_id,
        e.ecommerce_user_email,
        e.ecommerce_user_is_guest,
        item.position as position_in_event,
        item.product ->> 'id' as product_id,
        item.product ->> 'category' as product_category,
        item.product ->> 'currency' as product_currency,
        cast(item.product ->> 'price' as decimal(18, 4)) as product_price,
        item.product ->> 'brand' as product_brand,
        item.product ->> 'creative_id' as product_creative_id,
        item.product ->> 'inventory_status' as product_inventory_status,
        cast(item.product ->> 'list_price' as decimal(18, 4)) as product_list_price,
        item.product ->> 'name' as product_name,
        cast(item.product ->> 'position' as integer) as product_list_position,
        cast(item.product ->> 'quantity' as integer) as product_quantity,
        item.product ->> 'size' as product_size,
        item.product ->> 'variant' as product_variant
    from derived.ecommerce_events as e
    cross join lateral json_array_elements(cast(e.products as json)) with ordinality as item(product, position)
),

numbered as (
    select
        p.*,
        rank() over (
            partition by p.domain_sessionid, p.event_id, p.product_id
            order by p.position_in_event
        ) as product_number
    from products as p
)

select
    md5(n.event_id || '-' || coalesce(n.product_id, '') || '-' || cast(n.product_number as varchar)) as product_event_id,
    n.event_id,
    n.page_view_id,
    n.domain_sessionid,
    n.app_id,
    n.event_in_session_index,
    n.domain_userid,
    n.network_userid,
    n.user_id,
    n.ecommerce_user_id,
    n.derived_tstamp,
    n.derived_tstamp_date,
    n.ecommerce_action_type,
    n.ecommerce_action_name,
    n.product_id,
    n.product_category,
    nullif(split_part(n.product_category, '/', 1), '') as product_subcategory_1,
    nullif(split_part(n.product_category, '/', 2), '') as product_subcategory_2,
    nullif(split_part(n.product_category, '/', 3), '') as product_subcategory_3,
    nullif(split_part(n.product_category, '/', 4), '') as product_subcategory_4,
    n.product_currency,
    n.product_price,
    n.product_brand,
    n.product_creative_id,
    n.product_inventory_status,
    n.product_list_price,
    n.product_name,
    n.product_list_position,
    n.product_quantity,
    n.product_size,
    n.product_variant,
    n.ecommerce_action_type in ('product_view', 'list_view') as is_product_view,
    case when n.ecommerce_action_type in ('product_view', 'list_view') then n.ecommerce_action_type end as product_view_type,
    n.ecommerce_action_type = 'add_to_cart' as is_add_to_cart,
    n.ecommerce_action_type = 'remove_from_cart' as is_remove_from_cart,
    case when n.ecommerce_action_type = 'list_view' then n.ecommerce_action_name end as product_list_name,
    n.ecommerce_action_type = 'transaction' as is_product_transaction,
    n.transaction_id,
    n.ecommerce_user_email,
    n.ecommerce_user_is_guest
from numbered as n
