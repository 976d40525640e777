//! The queue of jobs as one runner sees it: by priority, then whose turn it is, then which job is due first. Only
//! what is looked at is read: one entry of an index for each kind of need (encoders and fingerprints) and tenant, so
//! the length of the queue does not matter.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::super::{JobId, Result, RunnerId, StoreError};
use super::columns::Json;
use super::shares;
use crate::domain::Timestamp;
use crate::domain::choice::JOIN;
use crate::domain::runner::Capabilities;

/// Encoders that a task needs, each with the fingerprint that its job is bound to.
pub type Needs = BTreeMap<String, Option<String>>;

/// A job's ready tasks of one kind of need.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    priority: i32,
    start_tag: u64,
    due_at: Timestamp,
    /// Whose tasks.
    pub job_id: JobId,
    /// Where a join has to take a slot, what computes goes before it.
    is_join: bool,
    /// As in the tasks' own column.
    pub encoders_json: String,
    needs: usize,
    tenant: String,
}

/// Needs that the runner can meet, and how many tenants still have jobs in the priority that is being looked at.
struct Level {
    needs_json: String,
    is_join: bool,
    priority: Option<i32>,
    tenants: usize,
}

/// The queue, from its front.
pub struct Line<'a> {
    db: &'a Connection,
    virtual_time: u64,
    levels: Vec<Level>,
    heads: Vec<Place>,
    /// Handed out last; what comes after it is read when it is asked for.
    last: Option<Place>,
}

impl<'a> Line<'a> {
    /// What fits a machine of it.
    pub fn of(db: &'a Connection, fits: impl Fn(&Needs) -> bool) -> Result<Self> {
        let mut line = Self {
            db,
            virtual_time: shares::virtual_time(db)?,
            levels: Vec::new(),
            heads: Vec::new(),
            last: None,
        };
        let mut next = db.prepare_cached(
            "SELECT needs_json FROM queue WHERE needs_json > ?1 ORDER BY needs_json LIMIT 1",
        )?;
        let mut before = String::new();
        while let Some(needs_json) = next.query_row([&before], |row| row.get::<_, String>(0)).optional()? {
            let needs = parse(&needs_json)?;
            if fits(&needs) {
                let is_join = needs.contains_key(JOIN);
                line.levels.push(Level {
                    needs_json: needs_json.clone(),
                    is_join,
                    priority: None,
                    tenants: 0,
                });
                line.open(line.levels.len() - 1)?;
            }
            before = needs_json;
        }
        Ok(line)
    }

    /// The next place; none at the end.
    pub fn next(&mut self) -> Result<Option<Place>> {
        if let Some(last) = self.last.take() {
            match self.after(&last)? {
                Some(place) => self.heads.push(place),
                None => {
                    self.levels[last.needs].tenants -= 1;
                    if self.levels[last.needs].tenants == 0 {
                        self.open(last.needs)?;
                    }
                }
            }
        }
        let first = self.heads.iter().enumerate().min_by_key(|(_, place)| *place).map(|(at, _)| at);
        self.last = first.map(|at| self.heads.swap_remove(at));
        Ok(self.last.clone())
    }

    /// Reads the first job of each tenant in the next priority of a kind of need.
    fn open(&mut self, needs: usize) -> Result<()> {
        let level = &self.levels[needs];
        let mut next = self.db.prepare_cached(
            "SELECT priority FROM queue WHERE needs_json = ?1 AND priority > ?2 ORDER BY priority LIMIT 1",
        )?;
        let before = level.priority.map_or(i64::MIN, i64::from);
        let priority = next.query_row(params![level.needs_json, before], |row| row.get(0)).optional()?;
        let Some(priority) = priority else { return Ok(()) };
        let mut next = self.db.prepare_cached(
            "SELECT tenant, due_at, job_id, encoders_json FROM queue WHERE needs_json = ?1 AND priority = ?2 \
             AND tenant > ?3 ORDER BY tenant, due_at, job_id, encoders_json LIMIT 1",
        )?;
        let (mut before, mut tenants) = (String::new(), 0);
        loop {
            let head = |row: &rusqlite::Row<'_>| {
                Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            };
            let head = next.query_row(params![level.needs_json, priority, before], head).optional()?;
            let Some((tenant, due_at, job_id, encoders_json)) = head else { break };
            let start_tag = shares::start_tag(self.db, &tenant, self.virtual_time)?;
            before.clone_from(&tenant);
            let is_join = level.is_join;
            self.heads.push(Place {
                priority,
                start_tag,
                due_at,
                job_id,
                is_join,
                encoders_json,
                needs,
                tenant,
            });
            tenants += 1;
        }
        let level = &mut self.levels[needs];
        (level.priority, level.tenants) = (Some(priority), tenants);
        Ok(())
    }

    /// The same tenant's next job.
    fn after(&self, place: &Place) -> Result<Option<Place>> {
        let mut statement = self.db.prepare_cached(
            "SELECT due_at, job_id, encoders_json FROM queue WHERE needs_json = ?1 AND priority = ?2 \
             AND tenant = ?3 AND (due_at, job_id, encoders_json) > (?4, ?5, ?6) \
             ORDER BY due_at, job_id, encoders_json LIMIT 1",
        )?;
        let Place { priority, tenant, due_at, job_id, encoders_json, .. } = place;
        let needs_json = &self.levels[place.needs].needs_json;
        let next = statement
            .query_row(params![needs_json, priority, tenant, due_at, job_id, encoders_json], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        Ok(next.map(|(due_at, job_id, encoders_json)| Place {
            due_at,
            job_id,
            encoders_json,
            ..place.clone()
        }))
    }
}

/// Whether a machine offers all that is needed.
pub fn meets(capabilities: &Capabilities, needs: &Needs) -> bool {
    needs.iter().all(|(name, pinned)| capabilities.offers(name, pinned.as_deref()))
}

/// Whether a live machine that takes work offers all that is needed; those of `but` do not count. Of thousands the first
/// is mostly the one that is looked for, and what a machine offers takes a while to read.
pub fn somebody_meets(
    db: &Connection,
    needs: &Needs,
    seen_since: Timestamp,
    but: &[RunnerId],
) -> Result<bool> {
    let mut statement = db.prepare_cached(
        "SELECT id, capabilities_json FROM runners WHERE draining = 0 AND last_seen_at >= ?1",
    )?;
    let mut rows = statement.query([seen_since])?;
    while let Some(row) = rows.next()? {
        let id: RunnerId = row.get(0)?;
        if !but.contains(&id) && meets(&row.get::<_, Json<Capabilities>>(1)?.0, needs) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn parse(needs_json: &str) -> Result<Needs> {
    serde_json::from_str(needs_json)
        .map_err(|error| StoreError::Corrupt(format!("needs {needs_json}: {error}")))
}
