-- derived.ecommerce_events: one row per e-commerce event of a session (domain_sessionid, event_id).
--
-- Definitions (Snowplow's e-commerce model):
--   * E-commerce events are those named snowplow_ecommerce_action. Their action and entities come as JSON text; the first of
--     each entity counts. All products stay together in `products`: product_interactions.sql makes rows of them.
--   * An event without an action has no type; all that follows from the type is then null.
--   * event_in_session_index numbers the instants (derived_tstamp) of a session from 1: events of one instant share a number.
--   * Session, user and page view are the expressions session_id, visitor_id and page_view_id of the playbook.
--   * Amounts have four decimal places.
--   * Events without a session or without an event id are left out.

with events as (
    select
        {{ session_id }} as domain_sessionid,
        {{ visitor_id }} as domain_userid,
        {{ page_view_id }} as page_view_id,
        event_id,
        app_id,
        platform,
        network_userid,
        user_id,
        collector_tstamp,
        derived_tstamp,
        cast(unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1_0_0 as json) as action,
        cast(contexts_com_snowplowanalytics_snowplow_ecommerce_page_1_0_0 as json) -> 0 as page,
        cast(contexts_com_snowplowanalytics_snowplow_ecommerce_user_1_0_0 as json) -> 0 as customer,
        cast(contexts_com_snowplowanalytics_snowplow_ecommerce_cart_1_0_0 as json) -> 0 as cart,
        cast(contexts_com_snowplowanalytics_snowplow_ecommerce_checkout_step_1_0_0 as json) -> 0 as checkout,
        cast(contexts_com_snowplowanalytics_snowplow_ecommerce_transaction_1_0_0 as json) -> 0 as purchase,
        cast(contexts_com_snowplowanalytics_snowplow_ecommerce_product_1_0_0 as varchar) as products
    from atomic.events
    where event_name = 'snowplow_ecommerce_action'
        and event_id is not null
        {%- if app_ids %}
        and app_id in ({{ app_ids | lit }})
        {%- endif %}
)

select
    e.event_id,
    e.page_view_id,
    e.domain_sessionid,
    dense_rank() over (
        partition by e.domain_sessionid
        order by e.derived_tstamp nulls last
    ) as event_in_session_index,
    e.app_id,
    e.platform,
    e.domain_userid,
    e.network_userid,
    e.user_id,
    e.collector_tstamp,
    e.derived_tstamp,
    cast(e.derived_tstamp as date) as derived_tstamp_date,
    e.action ->> 'type' as ecommerce_action_type,
    e.action ->> 'name' as ecommerce_action_name,
    e.page ->> 'type' as ecommerce_page_type,
    e.page ->> 'language' as ecommerce_page_language,
    e.page ->> 'locale' as ecommerce_page_locale,
    e.customer ->> 'id' as ecommerce_user_id,
    e.customer ->> 'email' as ecommerce_user_email,
    cast(e.customer ->> 'is_guest' as boolean) as ecommerce_user_is_guest,
    e.cart ->> 'cart_id' as cart_id,
    e.cart ->> 'currency' as cart_currency,
    cast(e.cart ->> 'total_value' as decimal(18, 4)) as cart_total_value,
    cast(e.checkout ->> 'step' as integer) as checkout_step_number,
    e.checkout ->> 'account_type' as checkout_account_type,
    e.checkout ->> 'billing_full_address' as checkout_billing_full_address,
    e.checkout ->> 'billing_postcode' as checkout_billing_postcode,
    e.checkout ->> 'coupon_code' as checkout_coupon_code,
    e.checkout ->> 'delivery_method' as checkout_delivery_method,
    e.checkout ->> 'delivery_provider' as checkout_delivery_provider,
    cast(e.checkout ->> 'marketing_opt_in' as boolean) as checkout_marketing_opt_in,
    e.checkout ->> 'payment_method' as checkout_payment_method,
    e.checkout ->> 'proof_of_payment' as checkout_proof_of_payment,
    e.checkout ->> 'shipping_full_address' as checkout_shipping_full_address,
    e.checkout ->> 'shipping_postcode' as checkout_shipping_postcode,
    e.purchase ->> 'transaction_id' as transaction_id,
    e.purchase ->> 'currency' as transaction_currency,
    e.purchase ->> 'payment_method' as transaction_payment_method,
    cast(e.purchase ->> 'revenue' as decimal(18, 4)) as transaction_revenue,
    cast(e.purchase ->> 'total_quantity' as integer) as transaction_total_quantity,
    cast(e.purchase ->> 'credit_order' as boolean) as transaction_credit_order,
    cast(e.purchase ->> 'discount_amount' as decimal(18, 4)) as transaction_discount_amount,
    e.purchase ->> 'discount_code' as transaction_discount_code,
    cast(e.purchase ->> 'shipping' as decimal(18, 4)) as transaction_shipping,
    cast(e.purchase ->> 'tax' as decimal(18, 4)) as transaction_tax,
    e.products
from events as e
where e.domain_sessionid is not null
