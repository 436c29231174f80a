"""Orders, balances, tickets and mails: the kinds of models in the packages for Shopify, Stripe, Zendesk, Jira, Mailchimp."""

from __future__ import annotations

from tests.proof.keywise_query import CLOCK, Good, No
from tests.proof.packages.world import (
    BY_CAMPAIGN,
    BY_CUSTOMER,
    BY_DAY,
    BY_EMAIL,
    BY_ISSUE,
    BY_MEMBER,
    BY_ORDER,
)

CUSTOMER, ORDER_KEY, EMAIL, DAY, ISSUE = ("customer_id",), ("order_id",), ("email",), ("day",), ("issue_id",)
CAMPAIGN, MEMBER = ("campaign_id",), ("member_id",)
CHANGED = """
with history as (select issue_id, change_id, value as status, changed_at,
    lag(value) over (partition by issue_id order by changed_at, change_id) as before
  from desk.changes where field = 'status'),
  moved as (select issue_id, change_id, status, before, changed_at,
    coalesce(lead(changed_at) over (partition by issue_id order by changed_at, change_id), {end}) as until
  from history where before is null or before <> status)
select issue_id, row_number() over (partition by issue_id order by changed_at, change_id) as step, before, status,
  changed_at, until, round(date_diff('second', changed_at, until) / 60, 2) as minutes from moved
"""

BUSINESS = [
    # Shopify, Stripe: customers, orders, days, balances, recurring revenue
    Good(
        """
        with charges as (select customer_id, count(*) as n, sum(amount) as total, min(created_at) as first_at, max(created_at) as last_at
          from shop.lines where kind = 'charge' group by 1),
        refunds as (select customer_id, count(*) as n, sum(amount) as total from shop.lines where kind = 'refund' group by 1)
        select coalesce(c.customer_id, r.customer_id) as customer_id, c.n as charges, coalesce(c.total, 0) - coalesce(r.total, 0) as net,
          r.n as refunds, c.first_at, c.last_at from charges c full outer join refunds r on r.customer_id = c.customer_id""",
        CUSTOMER, BY_CUSTOMER,
    ),
    Good(
        """
        with days as (select customer_id, created_at::date as day, sum(amount) as net from shop.lines where created_at is not null group by 1, 2)
        select customer_id, day, net, sum(net) over (partition by customer_id order by day rows unbounded preceding) as balance from days""",
        CUSTOMER, BY_CUSTOMER,
    ),
    No(
        """
        with days as (select customer_id, created_at::date as day, sum(amount) as net from shop.lines group by 1, 2)
        select *, sum(net) over (order by day, customer_id rows unbounded preceding) as rolling_net from days""",
        CUSTOMER, BY_CUSTOMER, "does not contain the key customer_id",
    ),
    Good(
        """
        with daily as (select customer_id, created_at::date as day, sum(amount) as net from shop.lines where created_at is not null group by 1, 2),
        lives as (select customer_id, min(day) as first_day, max(day) as last_day from daily group by 1),
        spine as (select l.customer_id, d.day from lives l join ref.days d on d.day between l.first_day and l.last_day)
        select spine.customer_id, spine.day, coalesce(daily.net, 0) as net,
          sum(coalesce(daily.net, 0)) over (partition by spine.customer_id order by spine.day) as balance
        from spine left join daily on daily.customer_id = spine.customer_id and daily.day = spine.day""",
        CUSTOMER, BY_CUSTOMER,
    ),
    Good(
        """
        with months as (select customer_id, date_trunc('month', created_at) as month, sum(amount) as mrr from shop.lines
          where kind = 'charge' and created_at is not null group by 1, 2),
        lagged as (select *, coalesce(lag(mrr) over (partition by customer_id order by month), 0) as before,
          row_number() over (partition by customer_id order by month) as n from months)
        select customer_id, month, mrr - before as change, case when n = 1 then 'new' when mrr = 0 then 'churn'
          when mrr > before then 'upgrade' when mrr < before then 'downgrade' end as category from lagged""",
        CUSTOMER, BY_CUSTOMER,
    ),
    Good(
        """
        with firsts as (select customer_id, date_trunc('month', min(created_at)) as cohort from shop.lines group by customer_id)
        select l.customer_id, f.cohort, date_diff('month', f.cohort, l.created_at) as age_months, sum(l.amount) as revenue
        from shop.lines l join firsts f using (customer_id) group by all""",
        CUSTOMER, BY_CUSTOMER,
    ),
    No(
        """
        with firsts as (select customer_id, min(created_at::date) as day from shop.lines group by customer_id)
        select f.day, count(distinct l.customer_id) as customers, sum(l.amount) as revenue
        from shop.lines l join firsts f using (customer_id) group by f.day""",
        DAY, BY_DAY, "group by customer_id does not contain the key",
    ),
    Good(
        """
        with sold as (select created_at::date as day, count(distinct order_id) as orders, sum(amount) as gross from shop.lines where kind = 'charge' group by 1),
        given as (select created_at::date as day, sum(amount) as refunded from shop.lines where kind = 'refund' group by 1)
        select day, orders, gross, refunded from sold full join given using (day)""",
        DAY, BY_DAY,
    ),
    Good(
        """
        with lines as (select * from shop.lines), refunds as (select order_id, sum(amount) as refunded, count(*) as n from lines where kind = 'refund' group by order_id),
        joined as (select lines.*, refunds.refunded, row_number() over (partition by lines.order_id order by lines.created_at, lines.line_id) as line_number
          from lines left join refunds on refunds.order_id = lines.order_id)
        select *, amount - coalesce(refunded, 0) as net from joined""",
        ORDER_KEY, BY_ORDER,
    ),
    Good(
        """
        with orders as (select customer_id, order_id, min(created_at) as ordered_at, sum(amount) as total from shop.lines group by 1, 2)
        select *, row_number() over (partition by customer_id order by ordered_at, order_id) as sequence,
          case when row_number() over (partition by customer_id order by ordered_at, order_id) = 1 then 'new' else 'repeat' end as kind from orders""",
        CUSTOMER, BY_CUSTOMER,
    ),
    No(
        """
        with orders as (select customer_id, order_id, min(created_at) as ordered_at from shop.lines group by 1, 2)
        select *, row_number() over (partition by customer_id order by ordered_at, order_id) as sequence from orders""",
        ORDER_KEY, BY_ORDER, "partition by customer_id does not contain the key",
    ),
    No(
        "select created_at::date as day, kind, sum(amount) as amount, sum(amount) / sum(sum(amount)) over () as share from shop.lines group by 1, 2",
        DAY, BY_DAY, "does not contain the key",
    ),
    Good(
        "select created_at::date as day, kind, sum(amount) / sum(sum(amount)) over (partition by created_at::date) as share from shop.lines group by 1, 2",
        DAY, BY_DAY,
    ),
    Good(
        """
        with named as (select *, lower(email) as mail from shop.lines where email is not null)
        select mail as email, string_agg(distinct customer_id, ', ' order by customer_id) as ids, count(distinct order_id) as orders,
          max(case when kind = 'refund' then created_at end) as last_refund from named group by mail""",
        EMAIL, BY_EMAIL,
    ),
    Good(  # an input column wins over the output's name in GROUP BY, and the key is made of it
        """
        with known as (select lower(email) as email, max(customer_id) as customer_id from shop.lines group by email)
        select email, customer_id from known""",
        EMAIL, BY_EMAIL,
    ),
    Good(
        """
        with entries as (
          select order_id, created_at, 'charge' as type, amount from shop.lines where kind = 'charge'
          union all select order_id, created_at, 'refund', -amount from shop.lines where kind = 'refund'
          union all select order_id, created_at, 'fee', -amount from shop.lines where kind = 'fee')
        select order_id, type, sum(amount) as amount, max(created_at) as last_at from entries group by all""",
        ORDER_KEY, BY_ORDER,
    ),
    Good(
        """
        select order_id from shop.lines where kind = 'charge' except select order_id from shop.lines where kind = 'refund'""",
        ORDER_KEY, BY_ORDER,
    ),
    # Jira, Zendesk: histories of fields, transitions, spines, service levels
    Good(CHANGED.format(end="timestamp '2099-01-01'"), ISSUE, BY_ISSUE),
    No(CHANGED.format(end="current_timestamp::timestamp"), ISSUE, BY_ISSUE, "another answer on every run", CLOCK),
    Good(
        """
        with filtered as (select * from desk.changes where lower(field) in ('assignee', 'status') and value is not null)
        select issue_id, min(case when field = 'assignee' then changed_at end) as first_assigned_at,
          max(case when field = 'assignee' then changed_at end) as last_assigned_at,
          min(case when field = 'status' and value = 'done' then changed_at end) as first_resolved_at from filtered group by 1""",
        ISSUE, BY_ISSUE,
    ),
    Good(
        """
        with changes as (select * from desk.changes), people as (select * from ref.people)
        select changes.issue_id, sum(case when lower(people.role) = 'agent' then 1 else 0 end) as by_agents, count(*) as n,
          count(distinct case when people.role <> 'agent' then author_id end) as others
        from changes left join people on people.person_id = changes.author_id group by 1""",
        ISSUE, BY_ISSUE,
    ),
    Good(
        """
        with pivoted as (select issue_id, change_id, changed_at, case when field = 'status' then value end as status,
          case when field = 'assignee' then value end as assignee from desk.changes),
        parts as (select *, sum(case when status is null then 0 else 1 end) over (partition by issue_id order by changed_at, change_id rows unbounded preceding) as part from pivoted)
        select issue_id, change_id, changed_at, first_value(status) over (
          partition by issue_id, part order by changed_at, change_id rows between unbounded preceding and current row) as status from parts""",
        ISSUE, BY_ISSUE,
    ),
    No(
        """
        with pivoted as (select issue_id, change_id, changed_at, case when field = 'assignee' then value end as assignee from desk.changes),
        parts as (select *, sum(case when assignee is null then 0 else 1 end) over (order by changed_at, change_id rows unbounded preceding) as part from pivoted)
        select issue_id, change_id, first_value(assignee) over (partition by part order by changed_at, change_id) as assignee from parts""",
        ISSUE, BY_ISSUE, "does not contain the key issue_id",
    ),
    Good(
        """
        with lives as (select issue_id, min(changed_at::date) as opened, max(changed_at::date) as closed from desk.changes group by 1),
        spine as (select lives.issue_id, days.day from lives join ref.days as days on days.day >= lives.opened and days.day <= lives.closed)
        select issue_id, day, (select c.value from desk.changes c where c.issue_id = spine.issue_id and c.changed_at::date <= spine.day
          order by c.changed_at desc, c.change_id desc limit 1) as value from spine""",
        ISSUE, BY_ISSUE,
    ),
    Good(
        """
        with asked as (select issue_id, change_id, changed_at from desk.changes where author_id = 'p2'),
        answered as (select issue_id, changed_at from desk.changes where author_id = 'p1')
        select a.issue_id, a.change_id, a.changed_at, r.reply_at from asked a
        left join lateral (select min(changed_at) as reply_at from answered where answered.issue_id = a.issue_id and answered.changed_at > a.changed_at) r on true""",
        ISSUE, BY_ISSUE,
    ),
    No(
        """
        with parents as (select issue_id, max(value) as parent_id from desk.changes where field = 'parent' group by 1)
        select p.issue_id, p.parent_id, max(c.changed_at) as parent_changed_at
        from parents p left join desk.changes c on c.issue_id = p.parent_id group by 1, 2""",
        ISSUE, BY_ISSUE, "not joined by equality",
    ),
    No(
        """
        with days as (select day from ref.days),
        latest as (select days.day, c.issue_id, c.value, row_number() over (partition by days.day, c.issue_id order by c.changed_at desc, c.change_id) as n
          from days join desk.changes c on c.changed_at::date <= days.day where c.field = 'status')
        select day, value, count(*) as issues from latest where n = 1 group by 1, 2""",
        DAY, BY_DAY, "does not contain the key",
    ),
    Good(
        """
        with tags as (select issue_id, trim(unnest(string_split(coalesce(value, ''), ','))) as tag from desk.changes)
        select issue_id, string_agg(distinct tag, ', ' order by tag) as tags, count(distinct tag) as n from tags group by issue_id""",
        ISSUE, BY_ISSUE,
    ),
    # Mailchimp: activities by mail, member and segment
    Good(
        """
        with pivoted as (select campaign_id, sum(case when action = 'open' then 1 end) as opens, sum(case when action = 'click' then 1 end) as clicks,
          count(distinct case when action = 'open' then member_id end) as unique_opens, min(case when action = 'open' then acted_at end) as first_open
          from mail.activity group by 1),
        booleans as (select *, coalesce(opens > 0, false) as was_opened from pivoted)
        select * from booleans""",
        CAMPAIGN, BY_CAMPAIGN,
    ),
    Good(
        """
        with members as (select distinct member_id from mail.activity),
        opened as (select member_id, count(*) as opens from mail.activity where action = 'open' group by 1),
        clicked as (select member_id, count(*) as clicks, array_agg(campaign_id order by acted_at, activity_id) as path from mail.activity where action = 'click' group by 1)
        select members.member_id, coalesce(opened.opens, 0) as opens, clicked.clicks, clicked.path
        from members left join opened using (member_id) left join clicked using (member_id)""",
        MEMBER, BY_MEMBER,
    ),
    Good(
        """
        select o.campaign_id, o.member_id, min(o.acted_at) as opened_at from mail.activity o
        where o.action = 'open' and not exists (select 1 from mail.activity b where b.campaign_id = o.campaign_id and b.member_id = o.member_id and b.action = 'bounce')
        group by 1, 2""",
        CAMPAIGN, BY_CAMPAIGN,
    ),
    No(
        """
        with engagement as (select member_id, count(*) as actions from mail.activity group by 1)
        select member_id, actions, ntile(4) over (order by actions desc, member_id) as quartile from engagement""",
        MEMBER, BY_MEMBER, "does not contain the key",
    ),
    No(
        "select campaign_id, count(*) as clicks from mail.activity where action = 'click' group by 1 order by clicks desc, campaign_id limit 1",
        CAMPAIGN, BY_CAMPAIGN, "takes some rows of all keys",
    ),
]  # fmt: skip
