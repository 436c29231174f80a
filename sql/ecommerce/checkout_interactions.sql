-- derived.ecommerce_checkout_interactions: one row per step of a checkout (domain_sessionid, event_id).
--
-- Definitions (Snowplow's e-commerce model):
--   * Steps are the checkout_step events, numbered by the tracker, and transactions, which count as step 4 and are what makes
--     a checkout succeed.
--   * A session is entered at a step if that is its first event.

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
    e.ecommerce_page_type,
    case when e.ecommerce_action_type = 'transaction' then 4 else e.checkout_step_number end as checkout_step_number,
    e.checkout_account_type,
    e.checkout_billing_full_address,
    e.checkout_billing_postcode,
    e.checkout_coupon_code,
    e.checkout_delivery_method,
    e.checkout_delivery_provider,
    e.checkout_marketing_opt_in,
    e.checkout_payment_method,
    e.checkout_proof_of_payment,
    e.checkout_shipping_full_address,
    e.checkout_shipping_postcode,
    e.event_in_session_index = 1 as session_entered_at_step,
    e.ecommerce_action_type = 'transaction' as checkout_succeeded,
    e.ecommerce_user_email,
    e.ecommerce_user_is_guest
from derived.ecommerce_events as e
where e.ecommerce_action_type in ('checkout_step', 'transaction')
