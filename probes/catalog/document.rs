//! The document itself: its edition, its history and its notes.

use serde::Deserialize;

/// The document that the catalog was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// Who publishes it.
    pub publisher: String,
    /// The edition.
    pub edition: Edition,
    /// Its oddities, as facts.
    pub notes: Vec<String>,
}

/// One edition of the document: section 2.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edition {
    /// Its number.
    pub number: u32,
    /// When, ISO 8601: a day, or a month where no day is given; `None` where it cannot be told.
    pub date: Option<String>,
    /// The date as the document prints it.
    pub as_written: String,
    /// What changed, in our words.
    pub summary: String,
}

/// Something that the document says beside its tables, in our words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Our id.
    pub id: String,
    /// The section.
    pub section: String,
    /// The document's own mark: `note 2`, `**`.
    pub label: Option<String>,
    /// What it says.
    pub text: String,
}

impl Note {
    /// Section and mark together, as a finding refers to it: `4.1 note 2`.
    pub fn reference(&self) -> String {
        match &self.label {
            Some(label) => format!("{} {label}", self.section),
            None => self.section.clone(),
        }
    }
}
