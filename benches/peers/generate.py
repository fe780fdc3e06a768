#!/usr/bin/env python3
"""Writes a product-usage event log as Parquet: the same arguments, the same log, down to the bit.

    python generate.py --events 10000000 --users 200000 --out DIR [--seed 7] [--string-ids]

Columns: user_id (u64, or a uuid-like string), account_id i64, ts timestamp[us, UTC] and feature, a
dictionary of 40 strings. 731 days, 2024-01-01 to 2025-12-31, one file a month.

Users: a tenth is there on the first day; the others arrive at a rate that triples, fewer at weekends.
Ids grow in sign-up order, with gaps. 35% stay a few days (mean 3), the others 150 on average; 20% come
back after a pause of 30 days and more, a quarter of those a second time.
Use: each user has a rate of their own (gamma) and an active day at least one event; counts are trimmed
until there are exactly --events rows.
Accounts: 1 to 500 users each (Zipf), and 2% of the users belong to two.
Order: rows lie in order of arrival. Arrival is seconds after ts, for 2% of the rows up to six hours,
so a file is nearly but not exactly sorted by time, and a few rows lie in the next month's file.
"""
import argparse
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DAYS = 731
FIRST_DAY = np.datetime64("2024-01-01", "D")
FIRST_US = np.int64(FIRST_DAY.astype("datetime64[us]").astype(np.int64))
DAY_US = np.int64(86_400_000_000)
HOUR_US = 3.6e9
NEVER = 10**6  # a day after the last one
FEATURES = [
    f"{area}.{action}"
    for area in ("dashboard", "report", "project", "task", "billing", "settings", "search", "export")
    for action in ("view", "create", "edit", "delete", "share")
]

# Every draw comes from one generator, so the order of the draws IS the data: a call to `rng` that is
# moved, added or dropped, or evaluated in another order within a line, changes everything after it.


def season():
    """How busy each day is: weekends a third of a weekday (the first day is a Monday), a small yearly wave."""
    day = np.arange(DAYS)
    return np.where(day % 7 < 5, 1.0, 0.35) * (1 + 0.05 * np.sin(day / 365.25 * 2 * np.pi))


def draw_users(rng, users):
    """Arrival day, id, up to three half-open spans of being a customer, and rate of use, per user."""
    at_start = users // 10
    weight = season() * (1 + 2 * np.arange(DAYS) / DAYS)
    later = np.sort(rng.choice(DAYS, users - at_start, p=weight / weight.sum()))
    arrive = np.concatenate([np.zeros(at_start, np.int64), later])
    user_id = (100_000 + np.cumsum(rng.integers(1, 4, users))).astype(np.uint64)

    tourist = rng.random(users) < 0.35
    stay = np.where(tourist, rng.geometric(1 / 3, users), rng.geometric(1 / 150, users))
    spans = [(arrive, arrive + stay)]
    returns = np.ones(users, bool)
    for chance in (0.20, 0.25):
        returns = returns & (rng.random(users) < chance)
        start = np.where(returns, spans[-1][1] + 30 + rng.geometric(1 / 60, users), NEVER)
        spans.append((start, start + rng.geometric(1 / 90, users)))
    rate = rng.gamma(0.7, 0.22, users)
    return arrive, user_id, spans, rate


def draw_accounts(rng, users):
    """The account of every user, a second one (the same for most), and who has two."""
    size = np.arange(1, 501)
    weight = size**-1.8
    sizes = rng.choice(size, users, p=weight / weight.sum())
    accounts = int(np.searchsorted(np.cumsum(sizes), users)) + 1
    seat = np.repeat(np.arange(accounts), sizes[:accounts])[:users]
    account_id = rng.permutation(5_000 + np.cumsum(rng.integers(1, 5, accounts))).astype(np.int64)
    first = account_id[seat[rng.permutation(users)]]
    has_two = rng.random(users) < 0.02
    second = np.where(has_two, account_id[rng.integers(0, accounts, users)], first)
    return first, second, has_two


def draw_active_days(rng, arrive, spans, rate):
    """The index of the user of every active user-day, in order of days, and the number of them per day."""
    users_by_day = []
    for day, busy in enumerate(season()):
        arrived = int(np.searchsorted(arrive, day, "right"))
        present = np.zeros(arrived, bool)
        for start, end in spans:
            present |= (start[:arrived] <= day) & (end[:arrived] > day)
        user = np.flatnonzero(present)
        active = (rng.random(len(user)) < -np.expm1(-rate[user] * busy)) | (arrive[user] == day)
        users_by_day.append(user[active].astype(np.int32))
    return np.concatenate(users_by_day), np.array([len(user) for user in users_by_day])


def draw_event_counts(rng, events, users, user):
    """Events per user-day: one and a Poisson number more, trimmed until they are `events` in all."""
    extra = max(events - len(user), 0)
    mean = rng.gamma(1.5, 1.0, users)
    mean *= extra / mean[user].sum()
    count = 1 + rng.poisson(mean[user])
    while missing := events - int(count.sum()):
        chosen = rng.choice(len(user), min(abs(missing), len(user)), replace=False)
        if missing > 0:
            count[chosen] += 1
        else:
            count[chosen[count[chosen] > 1]] -= 1
    return count


def draw_month(rng, day, count, feature_share):
    """Arrival, ts, user-day and feature of the events of a month's user-days."""
    user_day = np.repeat(np.arange(len(day)), count)
    session = np.clip(rng.normal(13.5, 3.5, len(day)), 0, 23) * HOUR_US
    into_session = rng.exponential(0.75 * HOUR_US, len(user_day))
    time_of_day = np.minimum(session[user_day] + into_session, DAY_US - 1.0).astype(np.int64)
    ts = FIRST_US + day[user_day] * DAY_US + time_of_day
    favourite = np.searchsorted(feature_share, rng.random(len(day))).astype(np.int8)
    feature = np.where(
        rng.random(len(ts)) < 0.3,
        favourite[user_day],
        np.searchsorted(feature_share, rng.random(len(ts))),
    ).astype(np.int8)
    np.minimum(feature, len(FEATURES) - 1, out=feature)
    late = rng.random(len(ts)) < 0.02
    delay = np.where(late, rng.random(len(ts)) * 6 * HOUR_US, rng.exponential(2e6, len(ts)))
    return ts + delay.astype(np.int64), ts, user_day, feature


def splitmix64(x):
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def uuid_like(ids):
    """A 36-character string per id, hexadecimal digits and dashes where a uuid has them."""
    high = splitmix64(ids)
    low = splitmix64(high ^ np.uint64(0xABCDEF))
    hex_digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = np.full((len(ids), 36), ord("-"), np.uint8)
    places = [i for i in range(36) if i not in (8, 13, 18, 23)]
    for nibble in range(16):
        shift = np.uint64(60 - 4 * nibble)
        text[:, places[nibble]] = hex_digits[(high >> shift).astype(np.int64) & 15]
        text[:, places[16 + nibble]] = hex_digits[(low >> shift).astype(np.int64) & 15]
    offsets = np.arange(len(ids) + 1, dtype=np.int32) * 36
    return pa.StringArray.from_buffers(len(ids), pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))


def generate(events, users, out, seed, string_ids):
    rng = np.random.default_rng(seed)
    arrive, user_id, spans, rate = draw_users(rng, users)
    first_account, second_account, has_two = draw_accounts(rng, users)
    user, per_day = draw_active_days(rng, arrive, spans, rate)
    count = draw_event_counts(rng, events, users, user)
    in_second = has_two[user] & (rng.random(len(user)) < 0.3)
    account = np.where(in_second, second_account[user], first_account[user])

    weight = (np.arange(len(FEATURES)) + 1.0) ** -0.8
    feature_share = np.cumsum(weight / weight.sum())
    ids = uuid_like(user_id) if string_ids else pa.array(user_id)
    schema = pa.schema([
        ("user_id", ids.type),
        ("account_id", pa.int64()),
        ("ts", pa.timestamp("us", "UTC")),
        ("feature", pa.dictionary(pa.int8(), pa.string())),
    ])

    os.makedirs(out, exist_ok=True)
    day_start = np.concatenate([[0], np.cumsum(per_day)])
    month_of_day = (FIRST_DAY + np.arange(DAYS)).astype("datetime64[M]")
    months = np.unique(month_of_day)
    carried = None  # events that arrive after the month they happened in
    written = 0
    for month in months:
        days = np.flatnonzero(month_of_day == month)
        part = slice(day_start[days[0]], day_start[days[-1] + 1])
        day = np.repeat(days, per_day[days])
        arrival, ts, user_day, feature = draw_month(rng, day, count[part], feature_share)
        columns = [arrival, ts, user[part][user_day], account[part][user_day], feature]
        if carried is not None:
            columns = [np.concatenate(pair) for pair in zip(carried, columns)]
        order = np.argsort(columns[0], kind="stable")
        month_end = FIRST_US + (days[-1] + 1) * DAY_US
        kept = len(order) if month == months[-1] else int(np.searchsorted(columns[0][order], month_end))
        carried = [column[order[kept:]] for column in columns]
        _, ts, who, where, feature = [column[order[:kept]] for column in columns]
        table = pa.table(
            [
                ids.take(pa.array(who)),
                pa.array(where),
                pa.array(ts, pa.timestamp("us", "UTC")),
                pa.DictionaryArray.from_arrays(pa.array(feature), pa.array(FEATURES)),
            ],
            schema=schema,
        )
        path = os.path.join(out, f"events-{month}.parquet")
        pq.write_table(table, path, compression="zstd", row_group_size=1 << 20)
        written += kept
    assert written == events, (written, events)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--string-ids", action="store_true")
    generate(**vars(parser.parse_args()))
