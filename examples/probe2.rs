use attrition::*;
use polars::prelude::*;
#[global_allocator]
static A: mimalloc::MiMalloc = mimalloc::MiMalloc;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    for _ in 0..a.get(3).map_or(1, |n| n.parse().unwrap()) {
    let t = std::time::Instant::now();
    let lf = LazyFrame::scan_parquet(PlRefPath::new(&a[1]), ScanArgsParquet::default()).unwrap();
    let mut c = EventColumns::new("user_id", "ts");
    if a[2].contains('a') { c = c.account("account_id"); }
    if a[2].contains('f') { c = c.feature("feature"); }
    let mut b = Activity::builder(&c, &Calendar::utc());
    b.push_lazy(lf).unwrap();
    let t1 = t.elapsed();
    let act = b.finish().unwrap();
    let t2 = t.elapsed();
    println!("push {t1:?} total {t2:?}");
    println!("{act}");
    }
}
