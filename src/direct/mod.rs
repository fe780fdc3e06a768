//! Answers straight from Parquet files, for questions that need less of a log than an activity holds.
//!
//! What a file tells of its row groups says beforehand which columns of which rows a question needs, and where ids are
//! small numbers or lie close together, what is found of each stands at a place of its own in an array. So an answer
//! costs little more than to decode those columns. Whatever a log may have that cannot be had so is left to the long
//! way: the activity, and the question to it. Both ways give the same answer; that is tested.

mod days;
mod dense;
mod ends;
mod lifetimes;
mod log;
mod people;
mod tallies;
mod usage;

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::PathBuf;

    use polars::prelude::{Column, DataFrame, DataType, ParquetWriter, StatisticsOptions, TimeUnit};

    use super::log::Log;
    use super::{lifetimes, usage};
    use crate::activity::EventColumns;
    use crate::calendar::{Calendar, date};
    use crate::portfolio::UsageOptions;

    /// A hundred days of a hundred events each, a row group a day.
    fn written(name: &str, times: i64, value: &DataType, told: StatisticsOptions) -> [PathBuf; 1] {
        let rows = 0..10_000_i64;
        let column = |name: &str, of: fn(i64) -> i64, dtype: &DataType| {
            Column::new(name.into(), rows.clone().map(of).collect::<Vec<_>>()).cast(dtype).unwrap()
        };
        let user = Column::new("user".into(), rows.clone().map(|row| row % 70 * times).collect::<Vec<_>>());
        let day = column("day", |row| row / 100 + 19_723, &DataType::Int32).cast(&DataType::Date).unwrap();
        let columns =
            vec![user, day, column("account", |row| row % 7, &DataType::Int64), column("value", |_| 1, value)];
        let path = std::env::temp_dir().join(format!("attrition-direct-{name}-{}.parquet", std::process::id()));
        let writer = ParquetWriter::new(File::create(&path).unwrap()).with_statistics(told);
        writer.with_row_group_size(Some(100)).finish(&mut DataFrame::new(10_000, columns).unwrap()).unwrap();
        [path]
    }

    /// A hundred days around a change of clocks, a row group every six hours.
    fn hourly() -> [PathBuf; 1] {
        let rows = 0..2_400_i64;
        let time =
            Column::new("day".into(), rows.clone().map(|row| (row + 19_763 * 24) * 3_600_000).collect::<Vec<_>>());
        let of =
            |name: &str, many: i64| Column::new(name.into(), rows.clone().map(|row| row % many).collect::<Vec<_>>());
        let time = time.cast(&DataType::Datetime(TimeUnit::Milliseconds, None)).unwrap();
        let path = std::env::temp_dir().join(format!("attrition-direct-hourly-{}.parquet", std::process::id()));
        let writer = ParquetWriter::new(File::create(&path).unwrap()).with_statistics(StatisticsOptions::full());
        let some: Vec<_> = rows.clone().map(|row| (row % 5 > 0).then_some(row % 7)).collect();
        let columns = vec![of("user", 70), time, of("account", 7), Column::new("some".into(), some)];
        writer.with_row_group_size(Some(6)).finish(&mut DataFrame::new(2_400, columns).unwrap()).unwrap();
        [path]
    }

    /// Whether there is a short way to lifetimes, to the latest usage, and to that of a day.
    fn ways(paths: &[PathBuf], columns: &EventColumns) -> [bool; 3] {
        let utc = Calendar::utc();
        let log = Log::open(paths, columns, &utc).unwrap();
        let usage = |options: UsageOptions| usage::short::<2>(&log, &options).unwrap().is_some();
        let lifetimes = lifetimes::short(&log, &30.into()).unwrap().is_some();
        [lifetimes, usage(UsageOptions::latest()), usage(date(2024, 3, 1).into())]
    }

    #[test]
    fn the_short_way_is_taken_where_it_can_be() {
        let columns = EventColumns::new("user", "day").account("account");
        let (all, float) = (StatisticsOptions::full(), DataType::Float64);
        let plain = written("plain", 1, &float, all);
        assert_eq!(ways(&plain, &columns), [true; 3]);
        assert_eq!(ways(&plain, &columns.clone().value("value")), [false; 3]);
        assert_eq!(ways(&plain, &EventColumns::new("user", "day")), [true, false, false]);
        assert_eq!(ways(&[], &columns), [false; 3]);
        let integers = written("integers", 1, &DataType::Int64, all);
        assert_eq!(ways(&integers, &columns.clone().value("value")), [true; 3]);
        // Scattered users have no place, but in the table of people.
        let scattered = written("scattered", 1 << 50, &float, all);
        assert_eq!(ways(&scattered, &columns), [false, true, true]);
        assert_eq!(ways(&scattered, &EventColumns::new("account", "day").account("user")), [true, false, false]);
        // Without statistics nobody knows where the log ends.
        let untold = written("untold", 1, &float, StatisticsOptions::empty());
        assert_eq!(ways(&untold, &columns), [true, false, true]);
        // Where clocks are changed days are not told to the hour, and still it is known where the log ends.
        let vilnius = Calendar::new("Europe/Vilnius").unwrap();
        let hours = hourly();
        let log = Log::open(&hours, &columns, &vilnius).unwrap();
        assert!(usage::short::<2>(&log, &UsageOptions::latest()).unwrap().is_some());
        let clock_times = columns.clone().clock_times();
        assert_eq!(ways(&hours, &clock_times), [true; 3]);
        // Events without an account, of which there are some before the windows too.
        assert_eq!(ways(&hours, &EventColumns::new("user", "day").account("some")), [true; 3]);
        for [path] in [plain, integers, scattered, untold, hours] {
            std::fs::remove_file(path).unwrap();
        }
    }
}
