//! Near misses: what a name that nobody knows was probably meant to be.

use std::fmt;

/// How many near misses are told, and how many characters of a name are looked at.
const TOLD: usize = 3;
const LOOKED_AT: usize = 64;

/// A list of known names longer than this is not told on one line.
const LISTED: usize = 12;

/// A name from outside that nothing here carries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct UnknownName {
    /// What was looked for: `server`, `region`, `role`.
    pub kind: &'static str,
    /// What was given, at most 64 characters of it.
    pub given: String,
    /// What was probably meant, best first, at most three.
    pub near: Vec<String>,
    /// Everything that would have been right.
    pub known: Vec<String>,
}

impl UnknownName {
    /// The error for `given`, which is none of `known`.
    pub fn among(kind: &'static str, given: &str, known: &[&str]) -> Self {
        Self {
            kind,
            given: given.chars().take(LOOKED_AT).collect(),
            near: near(given, known),
            known: known.iter().map(|name| (*name).to_owned()).collect(),
        }
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} {:?}: ", self.kind, self.given)?;
        if !self.near.is_empty() {
            write!(f, "did you mean {}?", self.near.join(" or "))
        } else if self.known.len() <= LISTED {
            write!(f, "known are {}", self.known.join(", "))
        } else {
            write!(f, "`raincheck catalog servers` lists what there is")
        }
    }
}

/// The names of `known` that `given` is a slip of or the beginning of, best first, at most three.
pub fn near(given: &str, known: &[&str]) -> Vec<String> {
    let given: Vec<char> = given.trim().to_lowercase().chars().take(LOOKED_AT).collect();
    let mut ranked: Vec<(usize, &str)> =
        known.iter().filter_map(|name| Some((distance_to(&given, name)?, *name))).collect();
    ranked.sort_by_key(|(distance, _)| *distance);
    ranked.dedup_by_key(|(_, name)| *name);
    ranked.into_iter().take(TOLD).map(|(_, name)| name.to_owned()).collect()
}

/// How far `name` is from what was given, if it is near at all. A beginning counts as one slip.
fn distance_to(given: &[char], name: &str) -> Option<usize> {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let allowed = if given.len() < 5 { 1 } else { 2 };
    let beginning = given.len() >= 2 && name.starts_with(given);
    let distance = if beginning { 1 } else { edit_distance(given, &name) };
    (distance <= allowed && distance < given.len()).then_some(distance)
}

/// Insertions, deletions, substitutions and swaps of neighbours between two words.
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: &[&str] = &["desktop", "mobile", "gateway", "gateway-lan", "gateway-dmz"];

    #[test]
    fn a_slip_finds_the_word_that_was_meant() {
        assert_eq!(near("dekstop", ROLES), ["desktop"]);
        assert_eq!(near("MOBIL", ROLES), ["mobile"]);
        assert_eq!(near("gatway", ROLES), ["gateway"]);
    }

    #[test]
    fn a_beginning_finds_the_words_that_start_so() {
        assert_eq!(near("gate", ROLES), ["gateway", "gateway-lan", "gateway-dmz"]);
    }

    #[test]
    fn a_word_far_from_all_finds_none() {
        assert_eq!(near("refrigerator", ROLES), [""; 0]);
        assert_eq!(near("x", ROLES), [""; 0]);
        assert_eq!(near("", ROLES), [""; 0]);
    }

    #[test]
    fn the_edit_distance_counts_a_swap_once() {
        let distance =
            |a: &str, b: &str| edit_distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("dekstop", "desktop"), 1);
    }

    #[test]
    fn the_error_tells_near_misses_or_everything_on_one_line() {
        let slip = UnknownName::among("role", "moble", ROLES);
        assert_eq!(slip.to_string(), "unknown role \"moble\": did you mean mobile?");
        let other = UnknownName::among("role", "a\nb", &["desktop", "mobile"]);
        assert_eq!(other.to_string(), "unknown role \"a\\nb\": known are desktop, mobile");
    }

    #[test]
    fn an_endless_name_is_cut() {
        let long = "x".repeat(1_000_000);
        assert_eq!(UnknownName::among("role", &long, ROLES).given.len(), LOOKED_AT);
    }
}
