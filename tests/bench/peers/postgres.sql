-- The same work as a teller transfer: an idempotency record, two balances that change together, an entry in the history
-- of both accounts with the balance after it. Account ids are integers, PostgreSQL's fastest form.

create table accounts (
  id       int primary key,
  balance  bigint not null check (balance >= 0),
  entries  int not null
) with (fillfactor = 70);

-- The record that makes a repeat move nothing, with the answer.
create table transfers (
  id            uuid primary key,
  from_account  int not null,
  to_account    int not null,
  amount        bigint not null,
  from_balance  bigint not null,
  to_balance    bigint not null
);

-- The last entries of an account are one index range.
create table history (
  account   int not null,
  number    int not null,
  transfer  uuid not null,
  amount    bigint not null,
  balance   bigint not null,
  primary key (account, number)
);

-- One transfer. Accounts are updated in the order of their ids, so that no two calls wait for each other.
create function transfer(p_id uuid, p_from int, p_to int, p_amount bigint) returns bigint
language plpgsql as $$
declare
  f accounts;
  t accounts;
  stored transfers;
begin
  select * into stored from transfers where id = p_id;
  if found then
    if (stored.from_account, stored.to_account, stored.amount) is distinct from (p_from, p_to, p_amount) then
      raise exception 'CONFLICT';
    end if;
    return stored.from_balance;
  end if;
  if p_from < p_to then
    update accounts set balance = balance - p_amount, entries = entries + 1 where id = p_from returning * into f;
    update accounts set balance = balance + p_amount, entries = entries + 1 where id = p_to returning * into t;
  else
    update accounts set balance = balance + p_amount, entries = entries + 1 where id = p_to returning * into t;
    update accounts set balance = balance - p_amount, entries = entries + 1 where id = p_from returning * into f;
  end if;
  if f.id is null or t.id is null then
    raise exception 'ACCOUNT_NOT_FOUND';
  end if;
  insert into transfers values (p_id, p_from, p_to, p_amount, f.balance, t.balance);
  insert into history values (p_from, f.entries, p_id, -p_amount, f.balance), (p_to, t.entries, p_id, p_amount, t.balance);
  return f.balance;
end $$;

-- Many transfers in one call, set-based: each table is touched by one statement. All or nothing: an account that would be
-- overdrawn at the end fails the call, which is less than teller decides for each transfer.
create function transfer_batch(p_ids uuid[], p_from int[], p_to int[], p_amounts bigint[]) returns bigint
language plpgsql as $$
declare
  moved bigint;
begin
  perform 1 from accounts where id = any (p_from || p_to) order by id for update;
  with item as (
    select i.* from unnest(p_ids, p_from, p_to, p_amounts) with ordinality as i(id, f, t, amount, nr)
    where not exists (select 1 from transfers where transfers.id = i.id)
  ), side as (
    select id, nr, f as account, -amount as delta from item
    union all
    select id, nr, t, amount from item
  ), entry as materialized (
    select side.id, account, delta, a.entries + row_number() over w as number, a.balance + sum(delta) over w as balance
    from side join accounts a on a.id = side.account
    window w as (partition by account order by nr)
  ), history_rows as (
    insert into history select account, number, id, delta, balance from entry
  ), changed as (
    update accounts a set balance = last.balance, entries = last.number
    from (select distinct on (account) account, balance, number from entry order by account, number desc) as last
    where a.id = last.account
  ), record as (
    insert into transfers
    select id, max(account) filter (where delta < 0), max(account) filter (where delta > 0), max(delta),
           max(balance) filter (where delta < 0), max(balance) filter (where delta > 0)
    from entry group by id
    returning 1
  )
  select count(*) into moved from record;
  return moved;
end $$;

-- The client's part of a set-based call: random transfers. Made in the server, which costs it less than parsing them would.
create function transfer_batch_random(p_count int, p_accounts int) returns bigint
language plpgsql as $$
declare
  ids uuid[]; f int[]; t int[]; amounts bigint[];
begin
  select array_agg(gen_random_uuid()), array_agg(a), array_agg(1 + (a + b) % p_accounts), array_agg(amount)
  into ids, f, t, amounts
  from (select 1 + floor(random() * p_accounts)::int as a, floor(random() * (p_accounts - 1))::int as b,
               1 + floor(random() * 10000)::bigint as amount
        from generate_series(1, p_count)) as drawn;
  return transfer_batch(ids, f, t, amounts);
end $$;
