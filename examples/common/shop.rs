//! The log that comes with the project.

use attrition::polars::prelude::*;
use attrition::{EventColumns, Result};

use super::log::{Log, Source, shipped};

/// The lines of an online shop's invoices, as purchases.
pub(crate) fn online_retail() -> Result<Log> {
    let lines = LazyFrame::scan_parquet(shipped("online_retail/lines.parquet"), ScanArgsParquet::default())?;
    let purchase = col("quantity").gt(lit(0)).and(col("unit_price").gt(lit(0.0)));
    let value = (col("quantity").cast(DataType::Float64) * col("unit_price")).alias("value");
    let events = lines.filter(purchase).with_column(value);
    Ok(Log {
        title: Some(
            "# A British online gift shop, December 2010 to December 2011\n\n\
             Invoice lines of the UCI data set Online Retail (CC BY 4.0); cancellations and corrections are not\n\
             purchases and are filtered out, lines without a customer are left to the intake to count.",
        ),
        source: Source::Query(Box::new(events)),
        rows: None,
        columns: EventColumns::new("customer_id", "invoice_date").value("value"),
    })
}
