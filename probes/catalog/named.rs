//! Closed lists whose members have a stable id for data and scripts, and a text for people.

use super::near::UnknownName;

/// Declares such a list: an enum with `ALL`, `id`, `text`, parsing by id and a `Display` of the id.
macro_rules! named {
    ($(#[$meta:meta])* $name:ident, $kind:literal { $($variant:ident = $id:literal, $text:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
        #[serde(try_from = "String")]
        pub enum $name {
            $(#[doc = $text] $variant,)+
        }

        impl $name {
            /// All of them, in the document's order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable id, as data files, options and JSON write it.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)+ }
            }

            /// What it is, for people.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::catalog::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let all = Self::ALL.iter().map(|one| (one.id(), *one));
                crate::catalog::named::find($kind, text, &all.collect::<Vec<_>>())
            }
        }

        impl TryFrom<String> for $name {
            type Error = crate::catalog::UnknownName;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.id())
            }
        }
    };
}
pub(super) use named;

/// The member with this id, whatever its case; else what was probably meant.
pub(super) fn find<T: Copy>(kind: &'static str, text: &str, all: &[(&str, T)]) -> Result<T, UnknownName> {
    let wanted = text.trim();
    let found = all.iter().find(|(id, _)| id.eq_ignore_ascii_case(wanted));
    found.map(|(_, one)| *one).ok_or_else(|| {
        let ids: Vec<&str> = all.iter().map(|(id, _)| *id).collect();
        UnknownName::among(kind, text, &ids)
    })
}
