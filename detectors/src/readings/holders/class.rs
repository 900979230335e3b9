//! What those who hold the memory that grows tell of the class.

use super::{HeldBy, Owner, Root, queues};
use crate::model::class::Class;
use crate::model::combination::OfMemory;

/// A class is told only where so many of the blocks agree.
const MOST: f64 = 0.8;

/// Of so many blocks at most, some may have come once, and not with each iteration.
const FEW_BLOCKS: u64 = 8;

/// A site with one byte of so many is worth a look.
const WORTH_A_LOOK: u64 = 10;

/// Whether a workload says how much it means to keep, and keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accounts {
    /// It doesn't say.
    None,
    /// About as much stays live.
    Fit,
    /// Many times as much stays live.
    Exceeded,
    /// Nobody can say: it is a service that runs. So what is kept is judged by how little of it is used.
    OfService,
}

/// What the holders tell.
///
/// The sites come most bytes first. The first of them decides: the others are usually what it needs beside it. But a few blocks, such as
/// buffers that grew once, decide nothing where a site with many has bytes worth a look.
pub(crate) fn told(held_by: &[HeldBy], accounts: Accounts) -> OfMemory {
    let most = held_by.first().map_or(0, |first| first.bytes);
    let is_many =
        |holding: &&HeldBy| holding.blocks > FEW_BLOCKS && holding.bytes * WORTH_A_LOOK >= most;
    let largest = held_by.iter().find(is_many).or(held_by.first());
    let mut told = largest.map_or_else(OfMemory::default, |largest| of_largest(largest, accounts));
    told.unowned = held_by.iter().find_map(unowned);
    told
}

/// Where nobody holds the blocks but they themselves, if they do.
fn unowned(holding: &HeldBy) -> Option<Class> {
    match agreed(holding)? {
        Root::Nothing => Some(Class::LostPointers),
        Root::Cycle => Some(Class::ReferenceCycles),
        _ => None,
    }
}

/// The root of most blocks, where nothing disagrees.
fn agreed(holding: &HeldBy) -> Option<Root> {
    let judged = holding.judged();
    let (root, share) = judged.mostly()?;
    (share >= MOST && holding.rival.is_none()).then(|| root.clone())
}

fn of_largest(largest: &HeldBy, accounts: Accounts) -> OfMemory {
    let pins = accounts == Accounts::Exceeded;
    let decides = |class| OfMemory {
        decides: Some(class),
        ..OfMemory::default()
    };
    let alone = |class| OfMemory {
        alone: Some(class),
        ..OfMemory::default()
    };
    let Some(root) = agreed(largest) else {
        return OfMemory::default();
    };
    if let Some(class) = unowned(largest) {
        return decides(class);
    }
    if root == Root::Runtime || largest.hangs_on_each() {
        // As many tasks or threads as blocks: what counts them tells more. A service counts its tasks, and those that answer requests come
        // and go.
        let by_tasks = largest.are_tasks || root == Root::Task;
        return if by_tasks && !pins && accounts != Accounts::OfService {
            alone(Class::OrphanedTasks)
        } else {
            OfMemory::default()
        };
    }
    if pins {
        // However many point there: what earlier vectors left in memory that is used again points there as well.
        return alone(if 2 * largest.unused > largest.blocks {
            Class::RetainedCapacity
        } else {
            Class::RetainedSubslices
        });
    }
    if let Some(queue) = &largest.queue {
        return if queues::is_of_tasks(queue) {
            alone(Class::UnboundedQueues)
        } else {
            decides(Class::UnboundedQueues)
        };
    }
    // Where nobody says how much is to be kept, it is judged by how little of it is used.
    if accounts != Accounts::Fit {
        let judged = largest.judged();
        let are_most = |blocks: u64| blocks as f64 >= MOST * judged.blocks as f64;
        if are_most(judged.viewed) {
            return decides(Class::RetainedSubslices);
        }
        // A test's map whose entries come with room to spare is a map without a bound all the same.
        let by_room = accounts == Accounts::OfService || !largest.is_map;
        if by_room && are_most(judged.surely_unused) {
            return decides(Class::RetainedCapacity);
        }
    }
    // A map's entries are kept by what is known to be a map. Of another older block nobody knows whether it is a queue's.
    if accounts == Accounts::OfService && largest.is_by_older {
        return OfMemory::default();
    }
    // What a workload's own state keeps and accounts for is what the workload is for.
    let is_wanted = accounts == Accounts::Fit && largest.owner == Some(Owner::Setup);
    // So is what a service's tasks or threads have in work, each a request's.
    let in_work = accounts == Accounts::OfService && largest.owners > 1;
    let of_long_life = || match root {
        _ if in_work => false,
        Root::Task => true,
        Root::Thread => largest.owner.is_some() && !is_wanted,
        _ => false,
    };
    match root {
        Root::Static(_) => decides(Class::GlobalCaches),
        _ if of_long_life() && largest.is_map => OfMemory {
            is_of_setup: largest.owner == Some(Owner::Setup),
            ..decides(Class::GlobalCaches)
        },
        // So may be a list that it says nothing of.
        _ if of_long_life() && largest.owner != Some(Owner::Setup) => alone(Class::GlobalCaches),
        _ => OfMemory::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Accounts, told};
    use crate::model::class::Class::{
        self, GlobalCaches, LostPointers, OrphanedTasks, ReferenceCycles, RetainedCapacity,
        RetainedSubslices, UnboundedQueues,
    };
    use crate::readings::holders::{HeldBy, Judged, Owner, Root};

    fn holding(root: Root) -> HeldBy {
        HeldBy {
            site: "a site".to_owned(),
            blocks: 100,
            by: vec![(root, 100)],
            owner: None,
            owners: 0,
            rival: None,
            pointers: 1,
            unused: 0,
            viewed: 0,
            surely_unused: 0,
            is_by_older: false,
            through: Vec::new(),
            queue: None,
            bytes: 10_000,
            rose: 0,
            stacks: Vec::new(),
            is_map: false,
            are_tasks: false,
            lasting: None,
        }
    }

    fn seen() -> Root {
        Root::Static("seen".to_owned())
    }

    #[track_caller]
    fn is(holding: HeldBy, accounts: Accounts, decides: Option<Class>, alone: Option<Class>) {
        let what = format!("{holding:?}");
        let told = told(&[holding], accounts);
        assert_eq!((told.decides, told.alone), (decides, alone), "{what}");
    }

    #[test]
    fn each_holder_has_its_class() {
        is(
            holding(Root::Nothing),
            Accounts::None,
            Some(LostPointers),
            None,
        );
        is(
            holding(Root::Cycle),
            Accounts::Exceeded,
            Some(ReferenceCycles),
            None,
        );
        is(holding(seen()), Accounts::None, Some(GlobalCaches), None);
        is(holding(Root::Elsewhere), Accounts::None, None, None);
        is(holding(Root::Runtime), Accounts::None, None, None);
        let tasks = HeldBy {
            are_tasks: true,
            ..holding(Root::Runtime)
        };
        is(tasks, Accounts::None, None, Some(OrphanedTasks));
        is(holding(Root::Thread), Accounts::None, None, None);
        is(
            holding(Root::Thread),
            Accounts::Exceeded,
            None,
            Some(RetainedSubslices),
        );
        let unused = HeldBy {
            unused: 100,
            ..holding(Root::Thread)
        };
        is(unused.clone(), Accounts::None, None, None);
        is(unused, Accounts::Exceeded, None, Some(RetainedCapacity));
    }

    #[test]
    fn a_queue_comes_before_whatever_holds_it() {
        let waits = |queue: &str, root| HeldBy {
            queue: Some(queue.to_owned()),
            ..holding(root)
        };
        is(
            waits("flume", seen()),
            Accounts::None,
            Some(UnboundedQueues),
            None,
        );
        is(
            waits("flume", Root::Thread),
            Accounts::None,
            Some(UnboundedQueues),
            None,
        );
        // Tasks that run are no messages that wait.
        is(
            waits("tokio::task::join_set", Root::Thread),
            Accounts::None,
            None,
            Some(UnboundedQueues),
        );
    }

    #[test]
    fn an_owner_that_lives_on_makes_a_collection_a_cache() {
        let of = |owner, owners, is_map| HeldBy {
            owner: Some(owner),
            owners,
            is_map,
            ..holding(Root::Thread)
        };
        let worker = || Owner::Thread("worker".to_owned());
        is(
            of(worker(), 1, true),
            Accounts::None,
            Some(GlobalCaches),
            None,
        );
        is(
            of(worker(), 1, false),
            Accounts::None,
            None,
            Some(GlobalCaches),
        );
        is(of(worker(), 100, true), Accounts::None, None, None);
        is(
            of(Owner::Outside, 1, false),
            Accounts::None,
            None,
            Some(GlobalCaches),
        );
        is(
            of(Owner::ThreadLocal, 1, true),
            Accounts::None,
            Some(GlobalCaches),
            None,
        );
        is(
            of(Owner::Setup, 1, true),
            Accounts::None,
            Some(GlobalCaches),
            None,
        );
        is(of(Owner::Setup, 1, false), Accounts::None, None, None);
    }

    #[test]
    fn where_nobody_accounts_for_it_the_use_of_what_is_kept_tells() {
        let unused = HeldBy {
            unused: 100,
            surely_unused: 90,
            ..holding(seen())
        };
        for accounts in [Accounts::OfService, Accounts::None] {
            is(unused.clone(), accounts, Some(RetainedCapacity), None);
        }
        is(unused.clone(), Accounts::Fit, Some(GlobalCaches), None);
        let by_a_map = HeldBy {
            is_map: true,
            ..unused.clone()
        };
        is(by_a_map, Accounts::None, Some(GlobalCaches), None);
        let unsure = HeldBy {
            surely_unused: 10,
            ..unused
        };
        is(unsure, Accounts::OfService, Some(GlobalCaches), None);
        let viewed = HeldBy {
            viewed: 90,
            ..holding(Root::Elsewhere)
        };
        for accounts in [Accounts::OfService, Accounts::None] {
            is(viewed.clone(), accounts, Some(RetainedSubslices), None);
        }
    }

    /// A search answer that is being made is a map as well, and a busy machine has many at a time.
    #[test]
    fn what_many_tasks_of_a_service_have_in_work_is_no_cache() {
        let map = |owners| HeldBy {
            owner: Some(Owner::Thread("worker".to_owned())),
            owners,
            is_map: true,
            ..holding(Root::Task)
        };
        is(map(1), Accounts::OfService, Some(GlobalCaches), None);
        is(map(6), Accounts::OfService, None, None);
        is(map(90), Accounts::OfService, None, None);
    }

    #[test]
    fn an_older_block_that_is_no_map_may_be_a_queues() {
        let older = HeldBy {
            is_by_older: true,
            ..holding(seen())
        };
        is(older, Accounts::OfService, None, None);
    }

    #[test]
    fn a_few_large_blocks_decide_nothing_beside_many() {
        let few = || HeldBy {
            blocks: 3,
            by: vec![(Root::Cycle, 3)],
            bytes: 40_000,
            ..holding(Root::Cycle)
        };
        let both = told(&[few(), holding(seen())], Accounts::None);
        assert_eq!(both.decides, Some(GlobalCaches));
        let small = HeldBy {
            bytes: 3_000,
            ..holding(seen())
        };
        let both = told(&[few(), small], Accounts::None);
        assert_eq!(both.decides, Some(ReferenceCycles));
    }

    /// The last ones are in use, and old pointers lead to some of them.
    #[test]
    fn what_lasts_tells_the_class() {
        let judged = |by: Vec<(Root, u64)>| HeldBy {
            by: vec![(Root::Thread, 40), (Root::Cycle, 35), (Root::Elsewhere, 25)],
            lasting: Some(Judged {
                blocks: 50,
                by,
                viewed: 0,
                surely_unused: 0,
            }),
            ..holding(Root::Thread)
        };
        let of_cycles = judged(vec![(Root::Cycle, 46), (Root::Thread, 4)]);
        is(of_cycles, Accounts::None, Some(ReferenceCycles), None);
        let mixed = judged(vec![(Root::Cycle, 30), (Root::Thread, 20)]);
        is(mixed, Accounts::None, None, None);
    }

    #[test]
    fn mixed_evidence_tells_no_class() {
        let mixed = HeldBy {
            by: vec![(Root::Nothing, 79), (Root::Thread, 21)],
            ..holding(Root::Nothing)
        };
        is(mixed, Accounts::None, None, None);
        let disagree = HeldBy {
            rival: Some("the static other".to_owned()),
            ..holding(seen())
        };
        is(disagree, Accounts::None, None, None);
        let nothing = told(&[], Accounts::Exceeded);
        assert_eq!((nothing.decides, nothing.alone), (None, None));
    }
}
