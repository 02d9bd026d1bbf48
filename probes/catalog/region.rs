//! Regions and the parts of the world that they lie in.

use super::named::named;
use serde::Deserialize;

named! {
    /// A part of the world, as section 5 groups its regions.
    Zone, "zone" {
        NorthAmerica = "north-america", "North America";
        SouthAmerica = "south-america", "South America";
        Europe = "europe", "Europe";
        Asia = "asia", "Asia";
        Oceania = "oceania", "Oceania";
        Africa = "africa", "Africa";
        MiddleEast = "middle-east", "Middle East";
        World = "world", "World";
    }
}

impl Zone {
    /// Other words for the zone, as the document's history and networkers use them.
    const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::NorthAmerica => &["america", "americas", "nar"],
            Self::SouthAmerica => &["america", "americas", "latam"],
            Self::Europe | Self::Africa | Self::MiddleEast => &["emea"],
            Self::Asia => &["apac"],
            Self::Oceania => &["apac", "anz"],
            Self::World => &["worldwide"],
        }
    }
}

/// One region of section 5: a country, a part of one, or a whole zone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Our id, as data, options and JSON write it: `us-west`.
    pub id: String,
    /// The document's word: `US West`.
    pub name: String,
    /// The country; `None` for a whole zone.
    pub country: Option<String>,
    /// The part of the world.
    pub zone: Zone,
    /// Other words for it.
    #[serde(default)]
    pub aliases: Vec<String>,
}

impl Region {
    /// Whether the text means this region: its id, its name, its country, its zone or another word for one
    /// of them, in any case and with blanks or dashes.
    pub fn is_meant_by(&self, text: &str) -> bool {
        let wanted = key(text);
        let country = self.country.iter().map(String::as_str);
        let own = [self.id.as_str(), self.name.as_str()];
        let aliases = self.aliases.iter().map(String::as_str);
        let zone = [self.zone.id()].into_iter().chain(self.zone.aliases().iter().copied());
        own.into_iter().chain(country).chain(aliases).chain(zone).any(|word| key(word) == wanted)
    }

    /// Whether this region is a whole that the other is a part of: its country, its zone or the world.
    pub fn encloses(&self, other: &Self) -> bool {
        let whole_zone = self.country.is_none() && self.zone == other.zone;
        let part_of_country = other.id.strip_prefix(&self.id).is_some_and(|rest| rest.starts_with('-'));
        self.zone == Zone::World || whole_zone || part_of_country
    }
}

/// A name as it is compared: lower case, words joined by dashes.
fn key(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    lower.split([' ', '_', '-']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us_west() -> Region {
        Region {
            id: "us-west".into(),
            name: "US West".into(),
            country: Some("United States".into()),
            zone: Zone::NorthAmerica,
            aliases: vec!["usa".into()],
        }
    }

    #[test]
    fn a_region_is_meant_by_its_id_name_country_zone_and_their_other_words() {
        for text in ["us-west", "US West", "united_states", "USA", "North America", "americas", " nar "] {
            assert!(us_west().is_meant_by(text), "{text}");
        }
        for text in ["", "west", "us-east", "europe", "us-"] {
            assert!(!us_west().is_meant_by(text), "{text}");
        }
    }

    #[test]
    fn a_zone_and_the_world_enclose_a_country() {
        let zone =
            |id: &str, zone| Region { id: id.into(), name: id.into(), country: None, zone, aliases: vec![] };
        assert!(zone("north-america", Zone::NorthAmerica).encloses(&us_west()));
        assert!(zone("worldwide", Zone::World).encloses(&us_west()));
        assert!(!zone("europe", Zone::Europe).encloses(&us_west()));
        assert!(!us_west().encloses(&zone("north-america", Zone::NorthAmerica)));
    }
}
