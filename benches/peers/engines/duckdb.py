"""The workloads in DuckDB's SQL."""
import duckdb
import pyarrow  # noqa: F401, the type of the results: not to be imported in the measured time

# Integer arithmetic on the epoch is quicker than casting to DATE.
DAY = "CAST(epoch_us(ts) // 86400000000 AS INTEGER)"
WEEK = "CAST((epoch_us(ts) // 86400000000 + 3) // 7 AS INTEGER)"  # from Mondays; week w begins on day 7 w - 3
DATE = f"DATE '1970-01-01' + {DAY}"
FIRST_MONTH = 2024 * 12  # of the generated log; masks look at the 48 months from there

# Forms named *_pack put user and period into one u64: they need integer ids below 2^48.
FORMS = {
    "w1": {"integer": ["bitmask"], "string": ["bitmask"]},
    "w2": {"integer": ["lead_diff_pack"], "string": ["lead_diff"]},
    "w3": {"integer": ["self_join", "window_pack"], "string": ["self_join"]},
    "w4": {"integer": ["bitmask"], "string": ["bitmask", "join"]},
    "w5": {"integer": ["join_pack", "window"], "string": ["join"]},
    "w6": {"integer": ["split"], "string": ["split"]},
    "w7": {"integer": ["min_max"], "string": ["min_max"]},
}


def queries(events):
    user_days = f"SELECT DISTINCT user_id, {DAY} AS day FROM {events}"
    packed_user_days = f"""
        SELECT packed >> 16 AS user_id, (packed & 65535)::INTEGER AS day
        FROM (SELECT DISTINCT (user_id << 16) | {DAY}::UBIGINT AS packed FROM {events})"""
    user_weeks = f"SELECT DISTINCT user_id, {WEEK} AS week FROM {events}"
    packed_user_weeks = f"""
        SELECT packed >> 16 AS user_id, (packed & 65535)::INTEGER AS week
        FROM (SELECT DISTINCT (user_id << 16) | {WEEK}::UBIGINT AS packed FROM {events})"""
    user_months = f"""
        SELECT DISTINCT user_id, CAST(year(date) * 12 + month(date) - 1 AS INTEGER) AS month
        FROM (SELECT user_id, {DATE} AS date FROM {events})"""
    return {
        "w1": {"bitmask": feature_bitmask(events)},
        "w2": {"lead_diff": lead_diff(user_days), "lead_diff_pack": lead_diff(packed_user_days)},
        "w3": {"self_join": week_self_join(user_weeks), "window_pack": week_window(packed_user_weeks)},
        "w4": {"bitmask": month_bitmask(events), "join": month_join(user_months)},
        "w5": {
            "join": day_join(user_days),
            "join_pack": day_join(packed_user_days),
            "window": day_window(user_days),
        },
        "w6": {"split": windows_split(events)},
        "w7": {"min_max": min_max(events)},
    }


def feature_bitmask(events):
    # One bit per feature, 64 at most, and one hash table, where count(DISTINCT) keeps a set per group.
    return f"""
        WITH bits AS MATERIALIZED (
            SELECT feature, (1::UBIGINT << (row_number() OVER () - 1)::INTEGER)::UBIGINT AS bit
            FROM (SELECT DISTINCT feature FROM {events}))
        SELECT user_id, account_id, {DAY} AS day, count(*) AS events, bit_count(bit_or(bit)) AS features
        FROM {events} JOIN bits USING (feature) GROUP BY ALL"""


def lead_diff(user_days):
    # An active day adds its user to the windows of the days up to the user's next active day, at most
    # 7 or 30 days: +1 where that starts, -1 where it ends, and a running sum.
    return f"""
        WITH user_days AS ({user_days}),
        nexts AS (
            SELECT day, lead(day, 1, 1000000) OVER (PARTITION BY user_id ORDER BY day) AS next
            FROM user_days),
        gaps AS (SELECT day, next - day AS gap, count(*) AS users FROM nexts GROUP BY ALL),
        steps AS (
            SELECT day, users AS daily, users AS weekly, users AS monthly FROM gaps
            UNION ALL SELECT day + least(gap, 7), 0, -users, 0 FROM gaps
            UNION ALL SELECT day + least(gap, 30), 0, 0, -users FROM gaps),
        sums AS (
            SELECT day, sum(daily) AS daily, sum(weekly) AS weekly, sum(monthly) AS monthly
            FROM steps GROUP BY day)
        SELECT * FROM (
            SELECT day, daily::BIGINT AS daily, (sum(weekly) OVER (ORDER BY day))::BIGINT AS weekly,
                (sum(monthly) OVER (ORDER BY day))::BIGINT AS monthly
            FROM sums)
        WHERE day <= (SELECT max(day) FROM gaps)"""


# Follows `weeks` (week, new, retained, resurrected): who was active a week before and was not retained is dormant.
LIFECYCLE = """
    SELECT week * 7 - 3 AS week, new, retained, resurrected,
        coalesce(lag(new + retained + resurrected) OVER (ORDER BY weeks.week) - retained, 0) AS dormant
    FROM weeks"""


def week_self_join(user_weeks):
    return f"""
        WITH user_weeks AS MATERIALIZED ({user_weeks}),
        firsts AS (SELECT user_id, min(week) AS first FROM user_weeks GROUP BY user_id),
        weeks AS (
            SELECT user_weeks.week, count(*) FILTER (first = user_weeks.week) AS new,
                count(before.week) AS retained,
                count(*) FILTER (first < user_weeks.week AND before.week IS NULL) AS resurrected
            FROM user_weeks JOIN firsts USING (user_id)
            LEFT JOIN user_weeks AS before
                ON before.user_id = user_weeks.user_id AND before.week = user_weeks.week - 1
            GROUP BY user_weeks.week){LIFECYCLE}"""


def week_window(user_weeks):
    return f"""
        WITH user_weeks AS ({user_weeks}),
        befores AS (
            SELECT week, lag(week, 1, -1000000) OVER (PARTITION BY user_id ORDER BY week) AS before
            FROM user_weeks),
        weeks AS (
            SELECT week, count(*) FILTER (before < 0) AS new, count(*) FILTER (before = week - 1) AS retained,
                count(*) FILTER (before >= 0 AND before < week - 1) AS resurrected
            FROM befores GROUP BY week){LIFECYCLE}"""


def month_bitmask(events):
    return f"""
        WITH users AS (
            SELECT bit_or(1::UBIGINT << (year(date) * 12 + month(date) - 1 - {FIRST_MONTH})::UBIGINT) AS mask
            FROM (SELECT user_id, {DATE} AS date FROM {events}) GROUP BY user_id),
        masks AS (SELECT mask, count(*) AS users FROM users GROUP BY mask),
        cells AS (
            SELECT mask, users, month
            FROM masks, (SELECT unnest(range(48))::UBIGINT AS month)
            WHERE ((mask >> month) & 1::UBIGINT) = 1),
        cohorts AS (
            SELECT users, month::BIGINT AS month, (min(month) OVER (PARTITION BY mask))::BIGINT AS cohort
            FROM cells)
        SELECT cohort + {FIRST_MONTH} AS cohort, month - cohort AS k, sum(users)::BIGINT AS users
        FROM cohorts GROUP BY ALL"""


def month_join(user_months):
    return f"""
        WITH user_months AS MATERIALIZED ({user_months}),
        firsts AS (SELECT user_id, min(month) AS cohort FROM user_months GROUP BY user_id)
        SELECT cohort, month - cohort AS k, count(*) AS users
        FROM user_months JOIN firsts USING (user_id) GROUP BY ALL"""


# Follows `spans` (a user's first and last day) and `classic` (cohort, n, users).
RETENTION = """,
    lasts AS (SELECT first, least(last - first, 31) AS n, count(*) AS users FROM spans GROUP BY ALL),
    ends AS (SELECT max(last) AS last FROM spans),
    grid AS (
        SELECT first, n
        FROM (SELECT DISTINCT first FROM lasts), (SELECT unnest(range(31))::INTEGER AS n), ends
        WHERE first + n <= last),
    unbounded AS (
        SELECT grid.first, grid.n, sum(users)::BIGINT AS users
        FROM grid JOIN lasts ON lasts.first = grid.first AND lasts.n >= grid.n GROUP BY ALL)
    SELECT grid.first AS cohort, grid.n, coalesce(classic.users, 0) AS classic,
        coalesce(unbounded.users, 0) AS unbounded
    FROM grid
    LEFT JOIN classic ON classic.first = grid.first AND classic.n = grid.n
    LEFT JOIN unbounded ON unbounded.first = grid.first AND unbounded.n = grid.n"""


def day_join(user_days):
    return f"""
        WITH user_days AS MATERIALIZED ({user_days}),
        spans AS MATERIALIZED (
            SELECT user_id, min(day) AS first, max(day) AS last FROM user_days GROUP BY user_id),
        classic AS (
            SELECT first, day - first AS n, count(*) AS users
            FROM user_days JOIN spans USING (user_id) WHERE day - first <= 30 GROUP BY ALL){RETENTION}"""


def day_window(user_days):
    return f"""
        WITH user_days AS ({user_days}),
        days AS MATERIALIZED (
            SELECT day, min(day) OVER spans AS first, max(day) OVER spans AS last
            FROM user_days WINDOW spans AS (PARTITION BY user_id)),
        spans AS MATERIALIZED (SELECT first, last FROM days WHERE day = first),
        classic AS (
            SELECT first, day - first AS n, count(*) AS users
            FROM days WHERE day - first <= 30 GROUP BY ALL){RETENTION}"""


def windows_split(events):
    # Only the last day needs the whole log; people and features are counted over the last 112 days.
    return f"""
        WITH lasts AS MATERIALIZED (SELECT account_id, max({DAY}) AS last FROM {events} GROUP BY account_id),
        today AS (SELECT max(last) AS day FROM lasts),
        uses AS MATERIALIZED (
            SELECT account_id, user_id, feature, {DAY} > (SELECT day FROM today) - 28 AS recent, count(*) AS events
            FROM {events}
            WHERE ts >= make_timestamptz(((SELECT day FROM today) - 111)::BIGINT * 86400000000) GROUP BY ALL),
        people AS (
            SELECT account_id, sum(events) FILTER (recent) AS recent_events, count(*) FILTER (recent) AS recent_people,
                sum(events) FILTER (NOT recent) AS earlier_events, count(*) FILTER (NOT recent) AS earlier_people
            FROM (SELECT account_id, user_id, recent, sum(events) AS events FROM uses GROUP BY ALL)
            GROUP BY account_id),
        features AS (
            SELECT account_id, count(*) FILTER (recent) AS recent_features,
                count(*) FILTER (NOT recent) AS earlier_features
            FROM (SELECT DISTINCT account_id, feature, recent FROM uses) GROUP BY account_id)
        SELECT account_id, coalesce(recent_events, 0)::BIGINT, coalesce(recent_people, 0), coalesce(recent_features, 0),
            coalesce(earlier_events, 0)::BIGINT, coalesce(earlier_people, 0), coalesce(earlier_features, 0),
            (SELECT day FROM today) - last
        FROM lasts LEFT JOIN people USING (account_id) LEFT JOIN features USING (account_id)"""


def min_max(events):
    # The first and the last instant, and only then their days: two divisions a user instead of one an event.
    return f"""
        WITH instants AS (SELECT min(ts) AS first, max(ts) AS last FROM {events} GROUP BY user_id),
        users AS MATERIALIZED (
            SELECT (epoch_us(first) // 86400000000)::INTEGER AS first, (epoch_us(last) // 86400000000)::INTEGER AS last
            FROM instants),
        ends AS (SELECT max(last) AS last_day FROM users),
        tenures AS (
            SELECT last - first AS tenure, count(*) AS users, count(*) FILTER (last_day - last >= 30) AS churned
            FROM users, ends GROUP BY ALL)
        SELECT tenure, (sum(users) OVER (ORDER BY tenure DESC))::BIGINT AS at_risk, churned, users - churned AS censored
        FROM tenures"""


def connect(pattern):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = false")  # less memory, more parallel
    return connection, queries(f"read_parquet('{pattern}')")


def run(context, workload, form):
    connection, forms = context
    # Not connection.execute(...).to_arrow_table(), which copies the rows once more.
    return connection.sql(forms[workload][form]).to_arrow_table()


def arrow(table):
    return table
