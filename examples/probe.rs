use polars::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
#[global_allocator]
static A: mimalloc::MiMalloc = mimalloc::MiMalloc;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let t = std::time::Instant::now();
    let lf = LazyFrame::scan_parquet(PlRefPath::new(&a[1]), ScanArgsParquet::default()).unwrap();
    let cols: Vec<Expr> = a[3..].iter().map(|c| col(c.as_str())).collect();
    let lf = lf.select(cols);
    let n = Arc::new(AtomicUsize::new(0));
    let b = Arc::new(AtomicUsize::new(0));
    let (n2, b2) = (n.clone(), b.clone());
    let chunk = a[2].parse::<usize>().ok().and_then(std::num::NonZeroUsize::new);
    let lf = lf.sink_batches(PlanCallback::new(move |df: DataFrame| { n2.fetch_add(df.height(), Ordering::Relaxed); let k = b2.fetch_add(1, Ordering::Relaxed); if k < 3 { println!("{:?} chunks {} rows {}", df.dtypes(), df.columns()[0].as_materialized_series().n_chunks(), df.height()); } Ok(false) }), false, chunk).unwrap();
    lf.collect_with_engine(Engine::Streaming).unwrap();
    println!("{} rows {} batches {:?}", n.load(Ordering::Relaxed), b.load(Ordering::Relaxed), t.elapsed());
}
