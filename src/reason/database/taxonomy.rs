//! The taxonomy in the database.

use std::collections::HashMap;

use rusqlite::{Connection, Transaction, params};

use super::ChurnDatabase;
use super::failure::Fault;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::reason::{ChurnKind, Reason, ReasonChange, Taxonomy, TaxonomyEntry};

/// The taxonomy, and the numbers by which records name its codes.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    pub(super) taxonomy: Taxonomy,
    pub(super) codes: HashMap<i64, String>,
    ids: HashMap<String, i64>,
}

impl Reasons {
    pub(super) fn id(&self, code: &str) -> Result<i64, Fault> {
        self.ids.get(code).copied().ok_or(Fault::Damaged("a reason of its taxonomy has no row"))
    }

    pub(super) fn optional_id(&self, reason: Option<&Reason>) -> Result<Option<i64>, Fault> {
        reason.map(|reason| self.id(reason.as_str())).transpose()
    }
}

pub(super) fn load(connection: &Connection) -> Result<Reasons, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, code, name, owner, evidence, kind, became, given_up_on FROM reason ORDER BY change, id",
    )?;
    let mut rows = statement.query(())?;
    let (mut reasons, mut entries, mut given_up) = (Reasons::default(), Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let (id, code): (i64, String) = (row.get(0)?, row.get(1)?);
        if let Some(name) = row.get::<_, Option<String>>(2)? {
            let mut entry = TaxonomyEntry::new(code.as_str(), name);
            if let Some(owner) = row.get::<_, Option<String>>(3)? {
                entry = entry.owner(owner);
            }
            if let Some(evidence) = row.get::<_, Option<String>>(4)? {
                entry = entry.evidence(evidence);
            }
            if let Some(kind) = row.get::<_, Option<String>>(5)? {
                let involuntary = kind == "involuntary";
                entry = entry.kind(if involuntary { ChurnKind::Involuntary } else { ChurnKind::Voluntary });
            }
            entries.push(entry);
        } else {
            given_up.push((code.clone(), row.get::<_, i64>(6)?, row.get::<_, String>(7)?));
        }
        reasons.ids.insert(code.clone(), id);
        reasons.codes.insert(id, code);
    }
    let mut changes = Vec::with_capacity(given_up.len());
    for (from, became, on) in given_up {
        let into = reasons.codes.get(&became).ok_or(Fault::Damaged("a reason became one that is not there"))?;
        let on: Date = on.parse().map_err(|_no_date| Fault::Damaged("a reason was given up on no date"))?;
        changes.push(ReasonChange { from: from.into(), into: into.as_str().into(), on });
    }
    reasons.taxonomy = Taxonomy::with_changes(entries, changes)?;
    Ok(reasons)
}

/// Writes a taxonomy in the place of another. Codes that records have must be known to it.
pub(super) fn store(transaction: &Transaction<'_>, before: &Reasons, taxonomy: &Taxonomy) -> Result<(), Fault> {
    let mut unknown: Vec<(&i64, &String)> = Vec::new();
    for (id, code) in &before.codes {
        if taxonomy.current(&Reason::from(code.as_str())).is_none() {
            unknown.push((id, code));
        }
    }
    unknown.sort();
    for (id, code) in unknown {
        let mut remove = transaction.prepare_cached(
            "DELETE FROM reason WHERE id = ?1
             AND NOT EXISTS (SELECT 1 FROM cancellation WHERE stated = ?1 OR found = ?1)
             AND NOT EXISTS (SELECT 1 FROM feedback WHERE category = ?1)
             AND NOT EXISTS (SELECT 1 FROM reason WHERE became = ?1)",
        )?;
        if remove.execute([id])? == 0 {
            let reason = "is what records of the database have; rename it, or merge it into another";
            return Err(Error::Taxonomy { entry: code.clone(), reason }.into());
        }
    }
    let mut write = transaction.prepare(
        "INSERT INTO reason (code, name, owner, evidence, kind, became, given_up_on, change)
         VALUES (?1, ?2, ?3, ?4, ?5, (SELECT id FROM reason WHERE code = ?6), ?7, ?8)
         ON CONFLICT (code) DO UPDATE SET name = excluded.name, owner = excluded.owner, evidence = excluded.evidence,
         kind = excluded.kind, became = excluded.became, given_up_on = excluded.given_up_on, change = excluded.change",
    )?;
    let nothing: Option<&str> = None;
    for entry in taxonomy.entries() {
        let (owner, evidence, kind) = entry.parts();
        let kind = kind.map(ChurnKind::name);
        write.execute(params![
            entry.reason().as_str(),
            entry.name(),
            owner,
            evidence,
            kind,
            nothing,
            nothing,
            nothing
        ])?;
    }
    // What a reason became may have been given up by a later change, so that is written first.
    for (number, change) in (0_i64..).zip(taxonomy.changes()).collect::<Vec<_>>().into_iter().rev() {
        let (from, into, on) = (change.from.as_str(), change.into.as_str(), change.on.to_string());
        write.execute(params![from, nothing, nothing, nothing, nothing, into, on, number])?;
    }
    Ok(())
}

/// # Reasons
impl ChurnDatabase {
    /// The reasons of the database, and how they changed.
    ///
    /// # Errors
    ///
    /// As [`records`](Self::records).
    pub fn taxonomy(&mut self) -> Result<Taxonomy> {
        self.read(|transaction| Ok(load(transaction)?.taxonomy))
    }

    /// Changes the reasons: adds, renames, merges, or puts another taxonomy in their place. Records keep the codes with
    /// which they were recorded.
    ///
    /// # Errors
    ///
    /// What the change says, and nothing is changed then; [`Error::Taxonomy`] for a new taxonomy that does not know a
    /// code of a record; [`Error::Locked`], [`Error::DiskFull`], [`Error::ReadOnly`], [`Error::Database`].
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{ChurnDatabase, Reason, date};
    ///
    /// # let folder = std::env::temp_dir().join(format!("attrition-doc-taxonomy-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # let path = folder.join("churn.db");
    /// let mut database = ChurnDatabase::open(&path)?;
    /// database.change_taxonomy(|taxonomy| {
    ///     taxonomy.rename("price/poor_value", "price/not_worth_it", date(2026, 4, 1))?;
    ///     taxonomy.merge("price/terms", "price", date(2026, 4, 1))
    /// })?;
    /// let taxonomy = database.taxonomy()?;
    /// assert_eq!(taxonomy.current(&Reason::new("price", "poor_value")).unwrap().as_str(), "price/not_worth_it");
    /// # drop(database);
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn change_taxonomy(&mut self, change: impl FnOnce(&mut Taxonomy) -> Result<()>) -> Result<()> {
        self.write(|transaction| {
            let before = load(transaction)?;
            let mut taxonomy = before.taxonomy.clone();
            change(&mut taxonomy)?;
            if !taxonomy.changes().starts_with(before.taxonomy.changes()) {
                let lost = before.taxonomy.changes().iter().find(|change| !taxonomy.changes().contains(change));
                let entry = lost.map_or_else(String::new, |lost| lost.from.to_string());
                let reason = "was renamed or merged, and records rely on it; begin with the taxonomy of the database";
                return Err(Error::Taxonomy { entry, reason }.into());
            }
            store(transaction, &before, &taxonomy)
        })
    }
}
