"""The workloads in ClickHouse's SQL, in process through chdb."""
import tempfile

import pyarrow
from chdb import session

DAY = "toUInt16(toDate(ts))"
WEEK = f"toUInt16(intDiv({DAY} + 3, 7))"  # from Mondays; week w begins on day 7 w - 3
MONTH = "toUInt16(toYear(ts) * 12 + toMonth(ts) - 1)"
FIRST_MONTH = 2024 * 12  # of the generated log; a mask has room for the 64 months from there
NEVER = "toUInt16(60000)"  # a day after the last one

FORMS = {
    "w1": {"integer": ["enum_bitmap", "enum_uniq"], "string": ["enum_bitmap"]},
    "w2": {"integer": ["array_diff"], "string": ["array_diff"]},
    "w3": {"integer": ["array"], "string": ["array"]},
    "w4": {"integer": ["bitmask"], "string": ["bitmask"]},
    "w5": {"integer": ["array"], "string": ["array"]},
    "w6": {"integer": ["split"], "string": ["split"]},
    "w7": {"integer": ["min_max"], "string": ["min_max"]},
}


def queries(events):
    return {
        "w1": {
            "enum_bitmap": features(events, "groupBitmap(toUInt8(toInt8(feature)))"),
            "enum_uniq": features(events, "uniqExact(feature)"),
        },
        "w2": {"array_diff": array_diff(events)},
        "w3": {"array": week_array(events)},
        "w4": {"bitmask": month_bitmask(events)},
        "w5": {"array": day_array(events)},
        "w6": {"split": windows_split(events)},
        "w7": {"min_max": min_max(events)},
    }


def features(events, count):
    return f"""
        SELECT user_id, account_id, {DAY} AS day, count() AS events, {count} AS features
        FROM {events} GROUP BY user_id, account_id, day"""


def array_diff(events):
    # An active day adds its user to the windows of the days up to the user's next active day, at most
    # 7 or 30 days: +1 where that starts, -1 where it ends, and a running sum.
    return f"""
        WITH gaps AS MATERIALIZED (
            SELECT pair.1 AS day, pair.2 AS gap, count() AS users FROM (
                SELECT arrayJoin(arrayZip(days, arrayMap((a, b) -> toUInt16(b - a),
                    days, arrayPushBack(arrayPopFront(days), {NEVER})))) AS pair
                FROM (SELECT arraySort(groupUniqArray({DAY})) AS days FROM {events} GROUP BY user_id))
            GROUP BY day, gap),
        steps AS (
            SELECT day, toInt64(users) AS daily, toInt64(users) AS weekly, toInt64(users) AS monthly FROM gaps
            UNION ALL SELECT toUInt16(day + least(gap, 7)), 0, -toInt64(users), 0 FROM gaps
            UNION ALL SELECT toUInt16(day + least(gap, 30)), 0, 0, -toInt64(users) FROM gaps),
        sums AS (
            SELECT day, sum(daily) AS a, sum(weekly) AS b, sum(monthly) AS c FROM steps GROUP BY day)
        SELECT day, daily, weekly, monthly FROM (
            SELECT day, a AS daily, sum(b) OVER (ORDER BY day) AS weekly, sum(c) OVER (ORDER BY day) AS monthly
            FROM sums)
        WHERE daily > 0 ORDER BY day"""


def week_array(events):
    # Each week beside the user's week before it, 0 where it is the first. Who was active a week before and
    # was not retained is dormant.
    return f"""
        WITH weeks AS (
            SELECT pair.1 AS number, countIf(pair.2 = 0) AS new, countIf(pair.2 + 1 = pair.1) AS retained,
                countIf(pair.2 > 0 AND pair.2 + 1 < pair.1) AS resurrected
            FROM (
                SELECT arrayJoin(arrayZip(weeks, arrayPushFront(arrayPopBack(weeks), toUInt16(0)))) AS pair
                FROM (SELECT arraySort(groupUniqArray({WEEK})) AS weeks FROM {events} GROUP BY user_id))
            GROUP BY number)
        SELECT toInt64(number) * 7 - 3 AS week, new, retained, resurrected,
            lagInFrame(toInt64(new + retained + resurrected), 1, toInt64(0))
                OVER (ORDER BY number ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) - toInt64(retained) AS dormant
        FROM weeks"""


def month_bitmask(events):
    return f"""
        SELECT first + {FIRST_MONTH} AS cohort, toInt64(month) - first AS k, sum(users) AS users FROM (
            SELECT arrayJoin(bitPositionsToArray(mask)) AS month, bitPositionsToArray(mask)[1] AS first, users
            FROM (
                SELECT mask, count() AS users FROM (
                    SELECT groupBitOr(bitShiftLeft(toUInt64(1), {MONTH} - {FIRST_MONTH})) AS mask
                    FROM {events} GROUP BY user_id)
                GROUP BY mask))
        GROUP BY cohort, k"""


def day_array(events):
    return f"""
        WITH users AS MATERIALIZED (
            SELECT arrayMin(days) AS first, arrayMax(days) AS last, days
            FROM (SELECT groupUniqArray({DAY}) AS days FROM {events} GROUP BY user_id)),
        classic AS (
            SELECT first, toUInt16(day - first) AS n, count() AS users
            FROM (SELECT first, arrayJoin(days) AS day FROM users) WHERE day - first <= 30 GROUP BY first, n),
        spans AS MATERIALIZED (
            SELECT first, last, count() AS users, max(last) OVER () AS end FROM users GROUP BY first, last),
        unbounded AS (
            SELECT first, arrayJoin(range(toUInt16(least(last - first, 30) + 1))) AS n, sum(users) AS total
            FROM spans GROUP BY first, n),
        grid AS (
            SELECT first, arrayJoin(range(toUInt16(least(end - first, 30) + 1))) AS n
            FROM (SELECT first, any(end) AS end FROM spans GROUP BY first))
        SELECT grid.first AS cohort, toInt64(grid.n) AS n, toInt64(ifNull(classic.users, 0)) AS classic,
            toInt64(ifNull(unbounded.total, 0)) AS unbounded
        FROM grid
        LEFT JOIN classic ON classic.first = grid.first AND classic.n = grid.n
        LEFT JOIN unbounded ON unbounded.first = grid.first AND unbounded.n = grid.n"""


def windows_split(events):
    # Only the last day needs the whole log; people and features are counted over the last 112 days.
    return f"""
        WITH lasts AS MATERIALIZED (
            SELECT account_id, {DAY.replace("ts", "max(ts)")} AS last FROM {events} GROUP BY account_id),
        (SELECT max(last) FROM lasts) AS today,
        uses AS (
            SELECT account_id, countIf(recent) AS a, uniqExactIf(user_id, recent) AS b, uniqExactIf(feature, recent) AS c,
                countIf(NOT recent) AS d, uniqExactIf(user_id, NOT recent) AS e, uniqExactIf(feature, NOT recent) AS f
            FROM (
                SELECT account_id, user_id, feature, {DAY} > today - 28 AS recent FROM {events}
                WHERE ts >= toDateTime64(toDate(toUInt16(today - 111)), 6, 'UTC'))
            GROUP BY account_id)
        SELECT lasts.account_id AS account, a, b, c, d, e, f, toInt64(today) - lasts.last AS silence
        FROM lasts LEFT JOIN uses ON uses.account_id = lasts.account_id"""


def min_max(events):
    return f"""
        WITH users AS (SELECT min({DAY}) AS first, max({DAY}) AS last FROM {events} GROUP BY user_id),
        spans AS (SELECT first, last, count() AS users, max(last) OVER () AS end FROM users GROUP BY first, last),
        tenures AS (
            SELECT toUInt16(last - first) AS tenure, sum(users) AS total, sumIf(users, end - last >= 30) AS churned
            FROM spans GROUP BY tenure)
        SELECT tenure, toInt64(sum(total) OVER (ORDER BY tenure DESC)) AS at_risk, toInt64(churned) AS churned,
            toInt64(total) - toInt64(churned) AS censored
        FROM tenures"""


def source(pattern, user_id, feature="LowCardinality(String)"):
    # Types given by hand are not Nullable, as inferred ones would be, and that is quicker.
    columns = f"user_id {user_id}, account_id Int64, ts DateTime64(6, 'UTC'), feature {feature}"
    return "file('{}', Parquet, '{}')".format(pattern, columns.replace("'", r"\'"))


def connect(pattern):
    home = tempfile.TemporaryDirectory()
    connection = session.Session(home.name)
    for setting in (
        "session_timezone = 'UTC'",
        "enable_materialized_cte = 1",
        "output_format_arrow_compression_method = 'none'",
    ):
        connection.query(f"SET {setting}")
    inferred = connection.query(f"DESCRIBE TABLE file('{pattern}', Parquet)", "TSV").data()
    user_id = "String" if "user_id\tNullable(String)" in inferred else "UInt64"
    return connection, pattern, user_id, home


def run(context, workload, form):
    connection, pattern, user_id, _ = context
    events = source(pattern, user_id)
    if form.startswith("enum"):
        # Reading `feature` as an Enum8 spares the string work per row. It takes a first query to list
        # the features, which counts: it is in the measured time.
        listed = connection.query(f"SELECT DISTINCT toString(feature) FROM {events}", "TSV").data().split()
        values = ", ".join(f"'{feature}' = {i}" for i, feature in enumerate(sorted(listed)))
        events = source(pattern, user_id, f"Enum8({values})")
    # As the output format "ArrowTable" does it, but that one imports pandas in the measured time.
    result = connection.query(queries(events)[workload][form], "Arrow")
    return pyarrow.RecordBatchFileReader(result.get_memview().view()).read_all()


def arrow(table):
    return table
