//! Who holds the live memory that grows: asked of the service, and what that tells of the class.

use super::evidence::Growth;
use super::judgement::SAMPLED;
use super::quantity::LIVE;
use super::{Fetches, Held, TriageEvidence};
use crate::model::class::Class;
use crate::model::combination::{OfMemory, class_of};
use crate::model::kind::Kind;
use crate::model::place::{Frame, Origin};
use crate::model::verdict::Verdict;
use crate::model::words::count;
use crate::outside::held::PATH;
use crate::readings::holders::{Accounts, HeldBy, told};
use std::time::Duration;

/// A site with less than this share of what stays is not worth a reader's time.
const LEAST_SHARE: f64 = 0.1;

/// Sites with this share of what stays, together, are enough.
const MOST: f64 = 0.9;

/// What stays explains what grew where it comes at this share of the pace at least: a load isn't even, and a machine may be busy.
const EXPLAINED_SHARE: f64 = 0.1;

/// Asks the debug port.
///
/// # Errors
///
/// In words.
pub(super) fn ask(asks: &dyn Fetches, time: Duration) -> Result<Held, String> {
    let seconds = time.as_secs().max(1);
    let answer = asks.ask_to_do(&format!("{PATH}?seconds={seconds}"));
    let answer = answer.map_err(|error| error.to_string())?;
    serde_json::from_slice(&answer).map_err(|error| format!("its answer can't be read: {error}"))
}

/// What a service says of itself where its functions have no names.
const NAMELESS: &str = "The service's program has no names of functions, so neither lines nor queues, views and tasks are known in it, and no \
    class is built on them. With `strip = \"none\"` and `debug = \"limited\"` in its profile it has them.";

/// Whether a site is a place in a file alone: `service+0x1232e84`.
fn is_nameless(site: &str) -> bool {
    let offset = site.rsplit_once("+0x").map(|(_, offset)| offset);
    offset.is_some_and(|offset| offset.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// What is still sure then: that nobody holds the blocks, or only they themselves.
fn without_names(told: OfMemory) -> OfMemory {
    let by_pointers = [Class::LostPointers, Class::ReferenceCycles];
    OfMemory {
        decides: told.decides.filter(|class| by_pointers.contains(class)),
        alone: None,
        ..told
    }
}

/// Whose code a site is, by its name: `function (file:line)`. `None` where the program has no lines.
fn origin_of(site: &str) -> Option<Origin> {
    let (function, place) = site.strip_suffix(')')?.rsplit_once(" (")?;
    let (file, line) = place.rsplit_once(':')?;
    Some(Frame::new(function, file, line.parse().ok()?).origin())
}

/// How many bytes came to stay in all of the time, by how far the least of them rose within half of it. A service of an earlier version
/// tells what is live alone.
fn stays_of(held: &HeldBy) -> u64 {
    if held.rose > 0 {
        2 * held.rose
    } else {
        held.bytes
    }
}

impl TriageEvidence {
    /// Whether live memory grows, which somebody may hold.
    pub(super) fn may_be_held(&self) -> bool {
        // What goes into a table's room is no block that somebody holds.
        let is_live = self.live_per_second > 0.0;
        self.verdict == Verdict::Leak && is_live && self.class != Some(Class::ForeignMemory)
    }

    /// Keeps what is told of the sites that grow, and tells the class by it. What is held besides is what the service lives on.
    ///
    /// The notes are exact where a profile is sampled, so they name the lines as well, where they explain what grows.
    pub(super) fn learn(&mut self, mut held: Held) {
        let seconds = held.seconds.max(1) as f64;
        let stays: u64 = held.by_site.iter().map(stays_of).sum();
        let explained = stays as f64 / seconds / self.live_per_second.max(1.0);
        let mut told_of = 0.0;
        held.by_site.retain(|held| {
            let share = stays_of(held) as f64 / stays as f64;
            let is_told = share >= LEAST_SHARE && told_of < MOST;
            told_of += if is_told { share } else { 0.0 };
            is_told
        });
        self.caveats.retain(|caveat| caveat != SAMPLED);
        if let Some(not_read) = &held.not_read {
            let text =
                format!("Who holds it was read without all of the service's memory: {not_read}.");
            self.caveats.push(text);
        }
        if explained < EXPLAINED_SHARE {
            held.by_site.clear();
            self.caveats.push(format!(
                "What was allocated within {} and is live explains too little of what grows, so nobody was seen to hold it: ask under the \
                 load that makes it grow.",
                count(held.seconds.cast_signed(), "second")
            ));
        } else {
            // What the profile's samples explained doesn't count any more.
            let by_samples = format!("Of {LIVE} by ");
            self.caveats
                .retain(|caveat| !caveat.starts_with(&by_samples));
            self.findings.retain(|growth| growth.kind != Kind::Bytes);
            self.findings.extend(held.by_site.iter().map(|held| Growth {
                kind: Kind::Bytes,
                per_iteration: None,
                per_second: stays_of(held) as f64 / seconds,
                site: Some(held.site.clone()),
                origin: origin_of(&held.site),
            }));
            // Where each comes with its own task or thread, these are what grows.
            let of_memory = match held.by_site.first() {
                Some(first) if self.hangs_on_what_grows(first, seconds) => OfMemory::default(),
                _ => told(&held.by_site, Accounts::OfService),
            };
            let of_memory = if held.by_site.iter().all(|held| is_nameless(&held.site)) {
                self.caveats.push(NAMELESS.to_owned());
                without_names(of_memory)
            } else {
                of_memory
            };
            self.class = class_of(&self.grown, of_memory);
        }
        self.held = Some(held);
    }

    /// Whether the tasks or threads that hold it are those that have come meanwhile.
    fn hangs_on_what_grows(&self, held: &HeldBy, seconds: f64) -> bool {
        let come = self
            .findings
            .iter()
            .filter(|growth| matches!(growth.kind, Kind::Tasks | Kind::Threads));
        let come: f64 = come.map(|growth| growth.per_second * seconds).sum();
        held.owners > 1 && come > 0.0 && 4.0 * held.owners as f64 >= come
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, OfMemory, Origin, is_nameless, origin_of, without_names};

    /// A queue, or views of pages, look like a cache then.
    #[test]
    fn without_names_only_what_pointers_tell_is_a_class() {
        assert!(is_nameless("service+0x1232e84"));
        assert!(!is_nameless("shop::cart::add (src/cart.rs:7)"));
        assert!(!is_nameless("shop::<a+0x>::add"));
        let decides = |class| {
            without_names(OfMemory {
                decides: Some(class),
                alone: Some(class),
                ..OfMemory::default()
            })
        };
        let cache = decides(Class::GlobalCaches);
        assert_eq!((cache.decides, cache.alone), (None, None));
        let cycle = decides(Class::ReferenceCycles);
        assert_eq!(cycle.decides, Some(Class::ReferenceCycles));
    }

    #[test]
    fn a_site_tells_whose_code_it_is() {
        let registry = "/cargo/registry/src/index.crates.io-1/bytes-1.12.2/src/bytes_mut.rs";
        let of = |file: &str| origin_of(&format!("<a::B<C (d)> as e::F>::g ({file}:795)"));
        assert_eq!(of(registry), Some(Origin::Dependency));
        assert_eq!(of("/home/me/shop/src/cart.rs"), Some(Origin::Own));
        assert_eq!(origin_of("shop::cart::add"), None);
    }
}
