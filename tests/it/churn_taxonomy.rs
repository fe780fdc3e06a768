//! Taxonomies that change: whatever was once recorded is still known.

use std::collections::BTreeMap;

use attrition::{Error, Reason, Taxonomy, TaxonomyEntry, date};
use proptest::prelude::*;

use super::log::day;

#[derive(Clone, Debug)]
enum Change {
    Add(usize, String),
    Rename(usize, String),
    Merge(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let code = || "[a-c]{1,2}";
    prop_oneof![
        (any::<usize>(), code()).prop_map(|(at, code)| Change::Add(at, code)),
        (any::<usize>(), code()).prop_map(|(at, code)| Change::Rename(at, code)),
        (any::<usize>(), any::<usize>()).prop_map(|(from, into)| Change::Merge(from, into)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Held against a map from every code that ever was to what it is now, which each change rewrites as a whole.
    #[test]
    fn every_code_that_ever_was_is_known(changes in prop::collection::vec(change(), 0..40)) {
        let entry = |path: &str| TaxonomyEntry::new(path, path);
        let begin = ["x", "x/a", "x/a/b", "y", "y/a", "z"];
        let mut taxonomy = Taxonomy::new(begin.map(entry)).unwrap();
        let mut now: BTreeMap<String, String> = begin.iter().map(|code| ((*code).to_owned(), (*code).to_owned())).collect();
        for (number, change) in changes.iter().enumerate() {
            let on = day(number as i32);
            let there: Vec<String> = taxonomy.entries().iter().map(|entry| entry.reason().to_string()).collect();
            let pick = |at: usize| there[at % there.len()].clone();
            let beside = |old: &str, code: &str| match old.rsplit_once('/') {
                Some((parent, _)) => format!("{parent}/{code}"),
                None => code.to_owned(),
            };
            let below = |code: &str, of: &str| code == of || code.starts_with(&format!("{of}/"));
            match change {
                Change::Add(at, code) => {
                    let path = if at % 3 == 0 { code.clone() } else { format!("{}/{code}", pick(*at)) };
                    let allowed = !now.contains_key(&path) && path.split('/').count() <= 3;
                    prop_assert_eq!(taxonomy.add(entry(&path)).is_ok(), allowed, "{}", path);
                    if allowed {
                        now.insert(path.clone(), path);
                    }
                }
                Change::Rename(at, code) => {
                    let (old, new) = (pick(*at), beside(&pick(*at), code));
                    let moved = |code: &str| format!("{new}{}", &code[old.len()..]);
                    // A code below the new one that was given up is taken too.
                    let taken = there.iter().any(|code| below(code, &old) && now.contains_key(&moved(code)));
                    prop_assert_eq!(taxonomy.rename(old.as_str(), new.as_str(), on).is_ok(), !taken, "{} {}", old, new);
                    if !taken {
                        now.values_mut().filter(|code| below(code, &old)).for_each(|code| *code = moved(code));
                        there.iter().filter(|code| below(code, &old)).for_each(|code| drop(now.insert(moved(code), moved(code))));
                    }
                }
                Change::Merge(from, into) => {
                    let (from, into) = (pick(*from), pick(*into));
                    let allowed = !below(&into, &from);
                    prop_assert_eq!(taxonomy.merge(from.as_str(), into.as_str(), on).is_ok(), allowed, "{} {}", from, into);
                    if allowed {
                        for code in now.values_mut().filter(|code| below(code, &from)) {
                            let alike = format!("{into}{}", &code[from.len()..]);
                            let kept = there.contains(&alike) && !below(&alike, &from);
                            *code = if kept { alike } else { into.clone() };
                        }
                    }
                }
            }
            for (code, now) in &now {
                let known = taxonomy.current(&Reason::from(code.as_str()));
                prop_assert_eq!(known, Some(&Reason::from(now.as_str())), "{}", code);
                prop_assert!(taxonomy.name(&Reason::from(code.as_str())).is_some());
            }
        }
        let read: Taxonomy = serde_json::from_str(&serde_json::to_string(&taxonomy).unwrap()).unwrap();
        prop_assert_eq!(&read, &taxonomy);
        prop_assert_eq!(&Taxonomy::from_frame(&taxonomy.to_frame().unwrap()).unwrap(), &taxonomy);
    }
}

#[test]
fn what_is_no_taxonomy_is_named_by_its_line() {
    let entry = |path: &str| TaxonomyEntry::new(path, "a name");
    let line = |entries: Vec<TaxonomyEntry>| match Taxonomy::new(entries) {
        Err(Error::Taxonomy { entry, .. }) => entry,
        other => panic!("{other:?}"),
    };
    assert_eq!(line(vec![entry("a"), entry("a/B")]), "a/B");
    assert_eq!(line(vec![entry("a"), entry("a/b"), entry("a/b")]), "a/b");
    assert_eq!(line(vec![entry("a"), entry("b/c")]), "b/c");
    assert_eq!(line(vec![entry("a"), TaxonomyEntry::new("c", " ")]), "c");
    let mut taxonomy = Taxonomy::standard();
    let before = taxonomy.clone();
    assert!(taxonomy.rename("price", "product/price", date(2026, 1, 1)).is_err());
    assert!(taxonomy.rename("none", "other_none", date(2026, 1, 1)).is_err());
    assert!(taxonomy.merge("price", "price/terms", date(2026, 1, 1)).is_err());
    assert!(taxonomy.replace(entry("none")).is_err());
    assert_eq!(taxonomy, before);
    taxonomy.rename("price", "money", date(2026, 1, 2)).unwrap();
    assert!(taxonomy.rename("other", "else", date(2026, 1, 1)).is_err());
    assert!(taxonomy.rename("money", "price", date(2026, 1, 3)).is_err());
    taxonomy.replace(entry("money").owner("Anna")).unwrap();
    assert_eq!(taxonomy.owner(&Reason::new("price", "terms")), Some("Anna"));
}

#[test]
fn edited_by_hand_it_is_an_error_at_once() {
    let mut taxonomy = Taxonomy::new(["a", "b", "c"].map(|code| TaxonomyEntry::new(code, code))).unwrap();
    taxonomy.merge("a", "b", date(2026, 1, 1)).unwrap();
    taxonomy.rename("b", "d", date(2026, 1, 2)).unwrap();
    let stored = serde_json::to_string(&taxonomy).unwrap();
    assert!(serde_json::from_str::<Taxonomy>(&stored).is_ok());
    for (from, to) in [
        (r#""into":"d""#, r#""into":"a""#),
        (r#""into":"b""#, r#""into":"e""#),
        (r#""reason":"c""#, r#""reason":"a""#),
        (r#""reason":"c","#, r#""reason":"c","onwer":"x","#),
        ("2026-01-02", "2025-01-02"),
    ] {
        assert!(stored.contains(from), "{from}");
        assert!(serde_json::from_str::<Taxonomy>(&stored.replacen(from, to, 1)).is_err(), "{from}");
    }
}
