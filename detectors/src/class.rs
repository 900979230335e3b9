//! The classes of memory growth: the word, what it means, and the chapter that teaches it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A class of memory growth: what is wrong, in one word that the book, the library and the JSON share.
///
/// The word is the name of the chapter's folder: `chapters/retained-subslices` teaches
/// [`Class::RetainedSubslices`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Class {
    /// A small view keeps a large buffer alive.
    RetainedSubslices,
}

impl Class {
    /// Every class that has a chapter.
    pub const ALL: &'static [Class] = &[Class::RetainedSubslices];

    /// The class' word, which is also its chapter's folder: `retained-subslices`.
    pub fn name(self) -> &'static str {
        match self {
            Class::RetainedSubslices => "retained-subslices",
        }
    }

    /// What the class means, in one line.
    pub fn definition(self) -> &'static str {
        match self {
            Class::RetainedSubslices => {
                "a small view is kept, and the whole buffer that it points into stays live with it"
            }
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Class {
    type Err = UnknownClass;

    fn from_str(name: &str) -> Result<Self, UnknownClass> {
        Class::ALL
            .iter()
            .copied()
            .find(|class| class.name() == name)
            .ok_or_else(|| UnknownClass(name.to_owned()))
    }
}

/// A word that names no class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownClass(String);

impl fmt::Display for UnknownClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<_> = Class::ALL.iter().map(|class| class.name()).collect();
        write!(
            f,
            "`{}` is no class of memory growth; the classes are: {}",
            self.0,
            known.join(", ")
        )
    }
}

impl std::error::Error for UnknownClass {}
