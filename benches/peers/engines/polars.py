"""The workloads in Python's Polars, on its streaming engine."""
import polars as pl
from polars import col

DAY = (col.ts.to_physical() // 86_400_000_000).cast(pl.Int32).alias("day")
# From Mondays; week w begins on day 7 w - 3.
WEEK = ((col.ts.to_physical() // 86_400_000_000 + 3) // 7).cast(pl.Int32).alias("week")
DATE = col.ts.dt.date().alias("day")
MONTH = (col.ts.dt.year() * 12 + col.ts.dt.month().cast(pl.Int32) - 1).alias("month")
FIRST_MONTH = 2024 * 12  # of the generated log; masks look at the 48 months from there
NEVER = 1_000_000  # days until the next active day of a user who has none, weeks since the last active one

# Forms named pack put user and period into one u64: they need integer ids below 2^48.
FORMS = {
    "w1": {"integer": ["nunique", "date"], "string": ["nunique"]},
    "w2": {"integer": ["pack_sort"], "string": ["over"]},
    "w3": {"integer": ["pack"], "string": ["self_join"]},
    "w4": {"integer": ["bitmask", "pack"], "string": ["bitmask", "over"]},
    "w5": {"integer": ["over", "pack"], "string": ["over"]},
    "w6": {"integer": ["split"], "string": ["split"]},
    "w7": {"integer": ["min_max"], "string": ["min_max"]},
}


def collect(frame):
    return frame.collect(engine="streaming")


def collect_both(one, other):
    return pl.collect_all([one, other], engine="streaming")


def packed(events, period):
    """The distinct (user, period) pairs of the log as sorted numbers, and what tells them apart again."""
    keys = collect(events.select(key=col.user_id * 65536 + period.cast(pl.UInt64)).unique().sort("key"))
    value, user = (col.key % 65536).cast(pl.Int32), col.key // 65536
    return keys.lazy(), value, user


def w1_nunique(events):
    groups = events.group_by("user_id", "account_id", DAY)
    return collect(groups.agg(events=pl.len(), features=col.feature.n_unique()))


def w1_date(events):
    groups = events.group_by("user_id", "account_id", DATE)
    return collect(groups.agg(events=pl.len(), features=col.feature.n_unique()))


def rolling(gaps):
    """From the number of users by day and gap to their next active day to DAU, WAU and MAU per day.

    An active day adds its user to the windows of the days up to the user's next active day, at most 7 or
    30 days: +1 where that starts, -1 where it ends, and a running sum.
    """
    gaps = gaps.with_columns(col.users.cast(pl.Int64))
    users, none = col.users, pl.lit(0, pl.Int64)
    week_end, month_end = (col.day + col.gap.clip(upper_bound=length) for length in (7, 30))
    steps = pl.concat([
        gaps.select("day", daily=users, weekly=users, monthly=users),
        gaps.select(week_end, daily=none, weekly=-users, monthly=none),
        gaps.select(month_end, daily=none, weekly=none, monthly=-users),
    ])
    sums = steps.group_by("day").sum().sort("day")
    sums = sums.select("day", "daily", col.weekly.cum_sum(), col.monthly.cum_sum())
    return sums.filter(col.day <= gaps["day"].max())


def w2_pack_sort(events):
    keys, day, user = packed(events, DAY)
    follows = col.next // 65536 == user
    gap = pl.when(follows).then((col.next - col.key).cast(pl.Int32)).otherwise(NEVER)
    days = keys.select("key", next=col.key.shift(-1)).select(day=day, gap=gap.fill_null(NEVER))
    return rolling(collect(days.group_by("day", "gap").agg(users=pl.len())))


def w2_over(events):
    gap = (col.day.shift(-1) - col.day).over("user_id", order_by="day").fill_null(NEVER)
    days = events.select("user_id", DAY).unique().with_columns(gap=gap)
    return rolling(collect(days.group_by("day", "gap").agg(users=pl.len())))


def lifecycle(weeks):
    """From new, retained and resurrected users per week to the dormant too: active a week before, not retained."""
    active = (col.new + col.retained + col.resurrected).cast(pl.Int64)
    dormant = (active.shift(1) - col.retained.cast(pl.Int64)).fill_null(0)
    return weeks.sort("week").select(col.week * 7 - 3, "new", "retained", "resurrected", dormant=dormant)


def w3_pack(events):
    keys, week, user = packed(events, WEEK)
    follows = col.before // 65536 == user
    gap = pl.when(follows).then((col.key - col.before).cast(pl.Int32)).otherwise(NEVER).fill_null(NEVER)
    weeks = keys.select("key", before=col.key.shift(1)).select(week=week, gap=gap)
    weeks = weeks.group_by("week").agg(
        new=(col.gap == NEVER).sum(),
        retained=(col.gap == 1).sum(),
        resurrected=((col.gap > 1) & (col.gap < NEVER)).sum(),
    )
    return lifecycle(collect(weeks))


def w3_self_join(events):
    weeks = collect(events.select("user_id", WEEK).unique()).lazy()
    firsts = weeks.group_by("user_id").agg(first=col.week.min())
    befores = weeks.select("user_id", week=col.week + 1, before=pl.lit(True))
    weeks = weeks.join(firsts, on="user_id").join(befores, on=["user_id", "week"], how="left")
    weeks = weeks.group_by("week").agg(
        new=(col.first == col.week).sum(),
        retained=col.before.is_not_null().sum(),
        resurrected=((col.first < col.week) & col.before.is_null()).sum(),
    )
    return lifecycle(collect(weeks))


def w4_bitmask(events):
    bit = pl.lit(2, pl.UInt64).pow((MONTH - FIRST_MONTH).cast(pl.UInt32))
    users = events.select("user_id", mask=bit).group_by("user_id").agg(col.mask.bitwise_or())
    masks = collect(users.group_by("mask").agg(users=pl.len()))
    masks = masks.with_columns(first=col.mask.bitwise_trailing_zeros().cast(pl.Int64))
    cells = [
        masks.filter((col.mask & (1 << month)) != 0)
        .select(cohort=col.first + FIRST_MONTH, k=pl.lit(month) - col.first, users=col.users)
        for month in range(48)
    ]
    return pl.concat(cells).group_by("cohort", "k").agg(col.users.sum())


def w4_over(events):
    months = events.select("user_id", MONTH).unique().with_columns(first=col.month.min().over("user_id"))
    return collect(months.group_by(cohort=col.first, k=col.month - col.first).agg(users=pl.len()))


def w4_pack(events):
    keys, month, user = packed(events, MONTH)
    is_first = (col.key.shift(1) // 65536 != user).fill_null(True)
    months = keys.select(month=month, is_first=is_first)
    months = months.with_columns(first=pl.when("is_first").then("month").forward_fill())
    return collect(months.group_by(cohort=col.first, k=col.month - col.first).agg(users=pl.len()))


def retention(spans, classic):
    """From the number of users by first and last day, and the users active n days after their first."""
    lasts = spans.with_columns(n=(col.last - col.first).clip(upper_bound=30))
    lasts = lasts.group_by("first", "n").agg(col.users.sum().cast(pl.Int64))
    offsets = pl.DataFrame({"n": pl.Series(range(31), dtype=pl.Int32)})
    grid = spans.select("first").unique().join(offsets, how="cross")
    grid = grid.filter(col.first + col.n <= spans["last"].max())
    cells = grid.join(lasts, on=["first", "n"], how="left").join(classic, on=["first", "n"], how="left")
    cells = cells.with_columns(col("users", "classic").fill_null(0)).sort("first", "n", descending=[False, True])
    # Who was last seen n days in was still there on every earlier day: a sum from the end.
    return cells.select("first", "n", "classic", unbounded=col.users.cum_sum().over("first"))


def count_classic(days):
    days = days.select("first", n=col.day - col.first).filter(col.n <= 30)
    return days.group_by("first", "n").agg(classic=pl.len())


def w5_over(events):
    days = events.select("user_id", DAY).unique()
    first, last = (day.over("user_id") for day in (col.day.min(), col.day.max()))
    days = collect(days.select("day", first=first, last=last)).lazy()
    spans = days.filter(col.day == col.first).group_by("first", "last").agg(users=pl.len())
    return retention(*collect_both(spans, count_classic(days)))


def w5_pack(events):
    keys, day, user = packed(events, DAY)
    is_first, is_last = ((col.key.shift(by) // 65536 != user).fill_null(True) for by in (1, -1))
    days = keys.select(day=day, is_first=is_first, is_last=is_last)
    days = collect(days.with_columns(first=pl.when("is_first").then("day").forward_fill())).lazy()
    spans = days.filter("is_last").group_by("first", last=col.day).agg(users=pl.len())
    return retention(*collect_both(spans, count_classic(days)))


def w6_split(events):
    # Only the last day needs the whole log; people and features are counted over the last 112 days.
    lasts = collect(events.group_by("account_id").agg(last=(col.ts.max().to_physical() // 86_400_000_000).cast(pl.Int32)))
    today = lasts["last"].max()
    since = pl.lit((today - 111) * 86_400_000_000).cast(pl.Datetime("us", "UTC"))
    uses = events.filter(col.ts >= since).select("account_id", "user_id", "feature", recent=DAY > today - 28)

    def counts(uses, window):
        return uses.group_by("account_id").agg(
            pl.len().alias(f"{window}_events"),
            col.user_id.n_unique().alias(f"{window}_people"),
            col.feature.n_unique().alias(f"{window}_features"),
        )

    recent, earlier = collect_both(
        counts(uses.filter(col.recent), "recent"), counts(uses.filter(~col.recent), "earlier")
    )
    usage = lasts.join(recent, on="account_id", how="left").join(earlier, on="account_id", how="left")
    return usage.select(
        "account_id",
        *[col(name).fill_null(0) for name in [*recent.columns[1:], *earlier.columns[1:]]],
        silence=today - col.last,
    )


def w7_min_max(events):
    # The first and the last instant, and only then their days: two divisions a user instead of one an event.
    def day(instant):
        return (instant.to_physical() // 86_400_000_000).cast(pl.Int32)

    users = events.group_by("user_id").agg(first=col.ts.min(), last=col.ts.max())
    users = collect(users.select(first=day(col.first), last=day(col.last))).lazy()
    users = users.select(tenure=col.last - col.first, churned=col.last.max() - col.last >= 30)
    tenures = collect(users.group_by("tenure").agg(users=pl.len(), churned=col.churned.sum()))
    at_risk = col.users.cast(pl.Int64).cum_sum(reverse=True)
    tenures = tenures.sort("tenure").with_columns(at_risk=at_risk, censored=col.users - col.churned)
    return tenures.select("tenure", "at_risk", "churned", "censored")


def connect(pattern):
    return pl.scan_parquet(pattern)


def run(events, workload, form):
    return globals()[f"{workload}_{form}"](events)


def arrow(table):
    return table.to_arrow()
