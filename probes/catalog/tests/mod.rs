//! The shipped catalog against counts and values taken from the document by hand and with text tools, not
//! from the data files.

mod addresses;
mod flows;
mod names;

use super::*;
use std::collections::{BTreeMap, BTreeSet};

fn catalog() -> &'static Catalog {
    Catalog::shipped()
}

/// How often each key occurs, as pairs in the order of the keys.
fn counts<'a>(keys: impl Iterator<Item = &'a str>) -> Vec<(&'a str, usize)> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

#[test]
fn section_2_lists_34_editions_without_6_and_7() {
    let numbers: Vec<u32> = catalog().editions().iter().map(|edition| edition.number).collect();
    let expected: Vec<u32> = (1..=36).rev().filter(|number| ![6, 7].contains(number)).collect();
    assert_eq!(numbers, expected);
    assert_eq!(numbers.len(), 34);
    let edition = catalog().edition();
    assert_eq!((edition.number, edition.date.as_deref()), (36, Some("2025-05-07")));
}

#[test]
fn editions_get_older_down_the_list_and_their_dates_agree_with_the_printed_ones() {
    let dates: Vec<&str> =
        catalog().editions().iter().filter_map(|edition| edition.date.as_deref()).collect();
    assert_eq!(dates.len(), 33, "the date of edition 8 cannot be told");
    assert!(dates.is_sorted_by(|newer, older| newer > older));
    for edition in catalog().editions() {
        let Some(date) = &edition.date else { continue };
        let mut iso: Vec<&str> = date.split('-').collect();
        let mut printed: Vec<&str> = edition.as_written.split('/').filter(|part| *part != "Xx").collect();
        iso.sort_unstable();
        printed.sort_unstable();
        assert_eq!(iso, printed, "edition {}", edition.number);
    }
}

#[test]
fn sections_are_numbers_from_3_to_7_and_ids_are_unique() {
    let of_notes = catalog().notes().iter().map(|note| &note.section);
    let of_roles = catalog().roles().iter().map(|role| &role.section);
    for section in of_notes.chain(of_roles).chain(&catalog().thresholds().sections) {
        let numbers: Vec<u32> = section.split('.').map(|number| number.parse().unwrap()).collect();
        assert!((2..=3).contains(&numbers.len()), "{section}");
        assert!(
            (3..=7).contains(&numbers[0]) && numbers[1..].iter().all(|n| (1..=9).contains(n)),
            "{section}"
        );
    }
    let unique = |ids: Vec<&String>| {
        let count = ids.len();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), count, "{ids:?}");
    };
    unique(catalog().notes().iter().map(|note| &note.id).collect());
    unique(catalog().regions().iter().map(|region| &region.id).collect());
    unique(catalog().turn_servers().iter().map(|server| &server.name).collect());
}

#[test]
fn every_note_and_every_region_is_used() {
    let of_flows = catalog().flows.iter().flat_map(|flow| &flow.notes);
    let used: BTreeSet<&String> =
        of_flows.chain(catalog().roles.iter().flat_map(|role| &role.notes)).collect();
    let unused = catalog().notes().iter().filter(|note| !used.contains(&note.id));
    let unused: Vec<&str> = unused.map(|note| note.id.as_str()).collect();
    assert_eq!(unused, ["3.3.2-nearest", "7.2-proxy", "7.2-dpi"], "about all clients, not one row");
    for region in catalog().regions() {
        let listed = catalog().addresses.iter().any(|row| row.region == region.id);
        let printed = catalog().conference.iter().any(|group| group.region == region.id);
        assert!(listed || printed, "{}", region.id);
    }
}

#[test]
fn sections_6_2_and_6_3_limit_latency_jitter_and_loss() {
    let limits = catalog().thresholds();
    assert_eq!((limits.one_way_ms, limits.jitter_ms), (150, 30));
    assert_eq!((limits.loss, limits.call_kbps, limits.codec_kbps), (0.01, 87.5, 64.0));
}

#[test]
fn section_6_gives_bandwidth_by_media_and_for_the_pbx_agent() {
    let media = catalog().media_bandwidth();
    let audio = &media[0];
    assert_eq!((audio.max_kbps, audio.average_kbps, audio.lowest_kbps), (100, Some(40), Some(15)));
    assert_eq!(media.iter().map(|one| one.max_kbps).max(), Some(2000));
    let caps: Vec<(u32, u32)> = catalog().video_caps().iter().map(|cap| (cap.lines, cap.kbps)).collect();
    assert_eq!(caps, [(720, 800), (360, 300), (180, 100)]);
    let all_at_once = media.iter().find(|one| one.what.contains("at once")).unwrap();
    assert_eq!(all_at_once.max_kbps, caps.iter().map(|(_, kbps)| kbps).sum::<u32>());
    let agent = catalog().pbx_agent_traffic();
    assert_eq!(agent.connection.len(), 8);
    assert_eq!(agent.connection[5], ConnectionPeak { subscribers: 5000, kbytes_per_s: 1818 });
    assert_eq!(agent.events.len(), 5);
    for event in &agent.events {
        assert_eq!(event.calls_per_busy_hour, event.calls_per_s * 3600);
    }
}
