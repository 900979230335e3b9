//! Computed looks of services that tell their live memory. tests/triage has real ones.

use super::{is_leak, judge, of_weight};
use crate::model::class::Class;
use crate::model::kind::{Counts, Kind};
use crate::model::verdict::Verdict;
use crate::outside::held::Held;
use crate::outside::triage::TriageError;
use crate::outside::triage::collector::Collector;
use crate::outside::triage::evidence::{Growth, Moment, Part, TriageEvidence};
use crate::outside::triage::sampling::{GrowingGroup, Look, Source};
use std::time::Duration;

const SECONDS: u64 = 30;
const MIB: u64 = 1 << 20;

struct Told;

impl Source for Told {
    fn name(&self) -> String {
        "a service".to_owned()
    }
    fn begin(&mut self) -> Result<(), TriageError> {
        Ok(())
    }
    fn read(&mut self) -> Result<Moment, TriageError> {
        Err(TriageError::Stopped)
    }
    fn waits_times(&self) -> u32 {
        1
    }
    fn mark(&mut self) {}
    fn named(&mut self, _kinds: &[Kind]) -> Vec<GrowingGroup> {
        Vec::new()
    }
    fn parts(&mut self) -> Vec<Part> {
        Vec::new()
    }
    fn knows_live(&self) -> bool {
        true
    }
}

/// A look of a service of 8 MiB live, by what else it has at each tenth of a second.
fn of(also: impl Fn(u64, &mut Moment)) -> TriageEvidence {
    judge(&mut Told, &look(also))
}

fn look(also: impl Fn(u64, &mut Moment)) -> Look {
    let moments = (0..10 * SECONDS).map(|tenth| {
        let mut now = Moment {
            seconds: tenth as f64 / 10.0,
            resident: Some(40 * MIB),
            anonymous: Some(20 * MIB),
            live: Some(8 * MIB),
            allocator_mapped: Some(12 * MIB),
            allocator_free: Some(4 * MIB),
            ..Moment::default()
        };
        also(tenth * MIB / 10, &mut now);
        now
    });
    Look {
        time: Duration::from_secs(SECONDS),
        moments: moments.collect(),
        collector: None,
    }
}

fn add(figure: &mut Option<u64>, more: u64) {
    *figure = figure.map(|value| value + more);
}

#[test]
fn live_memory_that_rests_is_steady_where_resident_memory_does() {
    let seen = of(|_, _| {});
    assert_eq!(seen.verdict, Verdict::Steady, "{seen}");
}

#[test]
fn room_that_was_asked_for_and_not_written_to_is_told() {
    let has = |more: u64| {
        let seen = of(|_, now| add(&mut now.live, more));
        let told = seen.to_string().replace('\n', " ");
        told.contains("At least 18 MiB of live memory aren't in RAM")
    };
    assert!(has(30 * MIB));
    assert!(!has(12 * MIB));
}

#[test]
fn what_fell_before_it_rose_is_told_from_where_it_had_fallen_to() {
    let seen = of(|second, now| {
        let more = if second < MIB / 2 {
            17 * MIB
        } else {
            second.min(8 * MIB) / 4
        };
        add(&mut now.live, more);
        add(&mut now.anonymous, more);
    });
    assert_eq!(seen.verdict, Verdict::WarmingUp, "{seen}");
    let told = "live memory rose at first by ";
    assert!(seen.because.starts_with(told), "{}", seen.because);
    let is_of_floor = seen.because.contains(", from 8.7 MiB to 10 MiB, and then");
    assert!(is_of_floor, "{}", seen.because);
}

#[test]
fn what_c_has_on_the_heap_is_a_leak_behind_flat_live_memory() {
    let seen = of(|grown, now| {
        add(&mut now.anonymous, grown);
        add(&mut now.allocator_mapped, grown);
    });
    assert_eq!(
        (seen.verdict, seen.class),
        (Verdict::Leak, Some(Class::ForeignMemory)),
        "{seen}"
    );
    assert!(
        seen.to_string().contains("foreign memory on the heap"),
        "{seen}"
    );
}

#[test]
fn a_mapping_beside_the_heap_is_a_leak_behind_flat_live_memory() {
    let seen = of(|grown, now| add(&mut now.anonymous, grown));
    assert_eq!(
        (seen.verdict, seen.class),
        (Verdict::Leak, Some(Class::ForeignMemory)),
        "{seen}"
    );
    assert!(
        seen.to_string().contains("mapped beside the heap"),
        "{seen}"
    );
}

#[test]
fn an_allocator_that_keeps_more_and_more_is_neither_calm_nor_a_leak() {
    let seen = of(|grown, now| {
        add(&mut now.anonymous, grown);
        add(&mut now.allocator_mapped, grown);
        add(&mut now.allocator_free, grown);
    });
    assert_eq!(seen.verdict, Verdict::Inconclusive, "{seen}");
    assert!(seen.because.contains("keeps more and more"), "{seen}");
}

#[test]
fn resident_memory_that_climbs_is_never_calm_where_no_figures_tell_whose_it_is() {
    let seen = of(|grown, now| {
        add(&mut now.anonymous, grown);
        (now.allocator_mapped, now.allocator_free) = (None, None);
    });
    assert_eq!(seen.verdict, Verdict::Inconclusive, "{seen}");
    assert!(seen.because.contains("isn't known"), "{seen}");
}

/// A vector that doubled takes its new pages into RAM as it fills.
#[test]
fn blocks_that_fill_are_neither_calm_nor_a_leak() {
    let seen = of(|grown, now| {
        now.allocator_mapped = Some(80 * MIB);
        now.allocator_free = Some(4 * MIB);
        now.live = Some(70 * MIB);
        add(&mut now.anonymous, grown);
        add(&mut now.resident, grown);
    });
    assert_eq!(seen.verdict, Verdict::Inconclusive, "{seen}");
    assert!(
        seen.because.contains("blocks that were there already fill"),
        "{seen}"
    );
}

/// As jemalloc does when a burst comes: what it had given back page by page is used again. That is the allocator's, and not mapped beside it.
#[test]
fn an_allocator_that_uses_its_pages_again_is_no_leak() {
    let seen = of(|grown, now| {
        now.anonymous = Some(20 * MIB + grown);
        now.allocator_mapped = Some(80 * MIB);
        now.allocator_free = Some(71 * MIB);
    });
    assert_eq!(seen.verdict, Verdict::Inconclusive, "{seen}");
    assert!(seen.because.starts_with("anonymous memory rose"), "{seen}");
}

/// As it was met on a busy machine: as many bytes are live as before, in ever more and smaller blocks, and each costs something.
#[test]
fn what_small_blocks_cost_beside_their_bytes_is_not_cs() {
    let seen = of(|grown, now| {
        let blocks = grown / 32;
        now.live_blocks = Some(blocks);
        now.live = Some(40 * MIB);
        now.allocator_mapped = Some(100 * MIB);
        now.allocator_free = Some(60 * MIB - 16 * blocks);
        now.anonymous = Some(100 * MIB);
    });
    let of_c = |growth: &Growth| growth.kind == Kind::Resident;
    assert!(!seen.findings.iter().any(of_c), "{seen}");
}

/// A client's tasks pile up, each with its socket, while some of a server's are answering: these are the program's own.
#[test]
fn a_few_tasks_that_answer_requests_decide_no_class() {
    let group = |name: &str, per_second| GrowingGroup {
        kind: Kind::Tasks,
        name: name.to_owned(),
        per_second,
        site: None,
    };
    let named = [group("the client's", 40.0), group("an answer's", 0.4)];
    let told: Vec<&str> = of_weight(&named).map(|group| group.name.as_str()).collect();
    assert_eq!(told, ["the client's"]);
}

/// As it was met at rest: threads came, each with an arena.
#[test]
fn a_few_arenas_more_keep_nothing_open() {
    let threads_come = |grown: u64, now: &mut Moment, by: u64| {
        // A few in each window, and most of them in the last.
        let by = by * grown / (30 * MIB);
        let by = if grown > 20 * MIB { by } else { by / 8 };
        add(&mut now.allocator_mapped, 4 * by);
        add(&mut now.allocator_free, 3 * by);
        add(&mut now.anonymous, by);
    };
    let seen = of(|grown, now| threads_come(grown, now, 900 << 10));
    assert_eq!(seen.verdict, Verdict::Steady, "{seen}");
    let seen = of(|grown, now| threads_come(grown, now, 8 * MIB));
    assert!(!seen.verdict.is_calm(), "{seen}");
}

/// As it was met on a busy machine: a burst had nine threads more, and what each has freed counts as in use.
#[test]
fn what_is_kept_for_each_thread_is_not_cs() {
    let kept_by = |threads: i64| {
        of(move |grown, now| {
            now.counts.threads = Some(threads);
            now.live = Some(4 * MIB);
            now.allocator_mapped = Some(100 * MIB);
            now.allocator_free = Some(95 * MIB - grown / 12);
            now.anonymous = Some(100 * MIB);
        })
    };
    let of_c = |growth: &Growth| growth.kind == Kind::Resident;
    let few = kept_by(2);
    assert!(few.findings.iter().any(of_c), "{few}");
    let many = kept_by(16);
    assert!(!many.findings.iter().any(of_c), "{many}");
}

#[test]
fn without_resident_memory_nothing_is_steady() {
    let seen = of(|_, now| {
        *now = Moment {
            seconds: now.seconds,
            live: now.live,
            counts: Counts {
                tasks: Some(7),
                ..Counts::default()
            },
            ..Moment::default()
        };
    });
    assert_eq!(seen.verdict, Verdict::Inconclusive, "{seen}");
    assert!(
        seen.because.contains("resident memory wasn't read"),
        "{seen}"
    );
}

#[test]
fn what_a_block_costs_beside_its_bytes_is_no_foreign_memory() {
    let seen = of(|grown, now| {
        add(&mut now.live, grown);
        add(&mut now.anonymous, 2 * grown);
        add(&mut now.allocator_mapped, 2 * grown);
    });
    assert_eq!(seen.verdict, Verdict::Leak, "{seen}");
    assert!(
        seen.findings
            .iter()
            .all(|growth| growth.kind == Kind::Bytes),
        "{seen}"
    );
}

/// A table of 2^20 buckets of 17 bytes, which takes in 100 kB a second.
#[test]
fn what_goes_into_a_tables_room_is_a_leak_behind_flat_live_memory() {
    let seen = of(|grown, now| now.in_tables = Some(9 * MIB + grown / 10));
    assert_eq!(seen.verdict, Verdict::Leak, "{seen}");
    assert!(seen.because.contains("what hash tables hold"), "{seen}");
    assert!(seen.to_string().contains("room that a table has"), "{seen}");
}

/// As it was met on a busy machine: each entry comes with a block of its own, and live memory has noise where tables have none.
#[test]
fn live_memory_that_climbs_behind_a_table_is_waited_for_and_asked_about() {
    let seen = |of_live: u64| {
        move |grown: u64, now: &mut Moment| {
            now.in_tables = Some(9 * MIB + grown / 40);
            // What comes and goes within three seconds.
            let tenth = grown * 10 / MIB;
            let noise = (tenth % 31) * (3 * MIB / 2) / 31;
            add(&mut now.live, grown * of_live / 100 + noise);
        }
    };
    let leak = of(seen(12));
    assert_eq!(leak.verdict, Verdict::Leak, "{leak}");
    assert!(leak.because.starts_with("what hash tables hold"), "{leak}");
    assert!(leak.may_be_held(), "{leak}");
    assert!(!is_leak(&look(seen(12))), "it may be clear a little later");
    assert!(!of(seen(0)).may_be_held(), "{}", of(seen(0)));
    assert!(is_leak(&look(seen(0))), "the table alone grows");
}

/// The same, and the table doubles within the look: by its steps alone live memory would have stopped.
#[test]
fn a_table_that_doubles_is_judged_by_what_it_holds() {
    let doubles = |grown: u64, now: &mut Moment, holds: fn(u64) -> u64| {
        if grown > 5 * MIB {
            add(&mut now.live, 17 * MIB);
            add(&mut now.resident, 17 * MIB);
            add(&mut now.anonymous, 17 * MIB);
            add(&mut now.allocator_mapped, 17 * MIB);
        }
        now.in_tables = Some(15 * MIB + holds(grown));
    };
    let leak = of(|grown, now| doubles(grown, now, |grown| grown / 10));
    assert_eq!(leak.verdict, Verdict::Leak, "{leak}");
    let full = of(|grown, now| doubles(grown, now, |grown| (grown / 10).min(MIB / 2)));
    assert!(full.verdict.is_calm(), "{full}");
}

/// As it was met: small blocks stay, and connections of an earlier load end meanwhile, each with its buffer.
#[test]
fn blocks_that_stay_are_a_leak_behind_buffers_that_go() {
    let moved = |rate: u64| {
        of(move |grown, now| {
            let blocks = grown / MIB * rate;
            now.live_blocks = Some(170_000 + blocks);
            let buffers = if grown < 10 * MIB { 600 << 10 } else { 0 };
            now.live = Some(9 * MIB + 50 * blocks + buffers);
        })
    };
    let mut leak = moved(85);
    assert_eq!(leak.verdict, Verdict::Leak, "{leak}");
    assert!(leak.because.contains("live blocks rose"), "{leak}");
    assert!(leak.to_string().contains("--who-holds"), "{leak}");
    assert!(leak.may_be_held(), "{leak}");
    leak.learn(Held {
        seconds: SECONDS,
        paused_ms: 0.0,
        copy_ms: 0.0,
        by_site: Vec::new(),
        not_read: None,
    });
    assert!(!leak.to_string().contains("--who-holds"), "{leak}");
    assert!(moved(0).verdict.is_calm(), "{}", moved(0));
}

/// A look from outside at a process whose anonymous memory rises evenly, from 40 MiB to so many.
fn of_a_runtime(to: u64, collector: Option<Collector>) -> TriageEvidence {
    let moments = (0..10 * SECONDS).map(|tenth| Moment {
        seconds: tenth as f64 / 10.0,
        resident: Some(60 * MIB + (to - 40) * MIB * tenth / (10 * SECONDS)),
        anonymous: Some(40 * MIB + (to - 40) * MIB * tenth / (10 * SECONDS)),
        ..Moment::default()
    });
    let look = Look {
        time: Duration::from_secs(SECONDS),
        moments: moments.collect(),
        collector,
    };
    judge(&mut Told, &look)
}

#[test]
fn what_a_garbage_collector_may_take_yet_accuses_nobody_and_is_never_calm() {
    let runtime = |has_limit| {
        Some(Collector {
            whose: "this runtime's",
            ask: "ask it",
            has_limit,
        })
    };
    assert_eq!(of_a_runtime(60, None).verdict, Verdict::Leak);
    let little = of_a_runtime(60, runtime(false));
    assert_eq!(little.verdict, Verdict::Inconclusive, "{little:?}");
    // So long a look begins at 60 MiB, and sees three times as much come.
    let needs = little.settle_seconds.expect("a look that settles it");
    assert!((270..=360).contains(&needs), "{needs}");
    assert!(little.because.contains("this runtime's garbage collector"));
    assert_eq!(of_a_runtime(200, runtime(false)).verdict, Verdict::Leak);
    let limited = of_a_runtime(200, runtime(true));
    assert_eq!(limited.verdict, Verdict::Inconclusive);
    assert_eq!(limited.settle_by.as_deref(), Some("ask it"));
}

#[test]
fn what_the_allocator_keeps_free_settles_and_what_fills_is_never_calm() {
    // Pages of a block that is there already.
    let fills = of(|grown, now| {
        now.anonymous = Some(6 * MIB + grown / 20);
    });
    assert_eq!(fills.verdict, Verdict::Inconclusive, "{fills}");
    let kept = of(|grown, now| {
        add(&mut now.anonymous, grown / 20);
        add(&mut now.allocator_mapped, grown / 20);
        add(&mut now.allocator_free, grown / 20);
    });
    assert_eq!(kept.verdict, Verdict::Steady, "{kept}");
}

#[test]
fn what_is_withheld_is_the_line_and_all_of_the_growth_is_told() {
    let mut seen = of(|grown, now| {
        add(&mut now.live, grown);
        add(&mut now.anonymous, grown);
        add(&mut now.allocator_mapped, grown);
    });
    assert_eq!(seen.verdict, Verdict::Leak, "{seen}");
    // Estimates from samples, which are more together than what came.
    let site = |name: &str| Growth {
        kind: Kind::Bytes,
        per_iteration: None,
        per_second: 0.8 * MIB as f64,
        site: Some(name.to_owned()),
        origin: None,
    };
    seen.findings = vec![site("shop::one"), site("shop::other")];
    seen.withhold();
    let [all] = &seen.findings[..] else {
        panic!("{seen}");
    };
    assert_eq!(all.site, None);
    let share = all.per_second / MIB as f64;
    assert!((0.95..1.05).contains(&share), "{share}");
    assert!(seen.class.is_none() && seen.is_withheld && !seen.to_string().contains("shop"));
}
