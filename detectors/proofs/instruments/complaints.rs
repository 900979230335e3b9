//! What a person reads when a memory test fails: each text is kept as a snapshot, made by a real run.

use crate::random::Random;
use detectors::heap::{Detail, HeapReading, HeapSource, ReadError};
use detectors::{Class, Complaint, Evidence, Kept, Profile, Verdict, Watch};
use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

detectors::tests! {
    fn a_leak_where_steady_was_expected() {
        shows("leak_not_steady", lines_that_pin_their_page().check_steady());
    }

    /// Nothing tells what an iteration means to keep, so the leak is of no class.
    fn a_leak_of_no_known_class() {
        let evidence = Watch::new("remember pages").run(|| {
            let mut pages = Vec::with_capacity(2_000);
            move || pages.push(a_page())
        });
        shows("no_class", evidence.check_leak(Class::RetainedSubslices, "complaints.rs"));
    }

    fn the_right_class_at_another_site() {
        let checked = lines_that_pin_their_page().check_leak(Class::RetainedSubslices, "parser.rs");
        shows("another_site", checked);
    }

    fn steady_where_a_leak_was_expected() {
        let evidence = Watch::new("read a page").run(|| || drop(a_page()));
        shows("steady_not_leak", evidence.check_leak(Class::RetainedSubslices, "complaints.rs"));
    }

    fn a_deadline_that_comes_too_soon() {
        let evidence = Watch::new("read a page").deadline(Duration::ZERO).run(|| || drop(a_page()));
        shows("deadline", evidence.check_steady());
    }

    fn noise_that_hides_any_signal() {
        let noise = Noise::default();
        let iterations = Rc::clone(&noise.iterations);
        let evidence = Watch::new("beside a busy thread").heap_source(noise).run(|| {
            let iterations = Rc::clone(&iterations);
            move || iterations.set(iterations.get() + 1)
        });
        shows("noise", evidence.check_steady());
    }

    /// The totals fall by chance. What is said is what the site adds, and not that.
    fn a_leak_below_noisy_totals() {
        let evidence = a_name_stays_beside(20_000, || Box::new(black_box([0; 96])));
        assert!(evidence.because.starts_with("96 bytes in 1 block stay"), "{}", evidence.because);
        shows("noisy_totals", evidence.check_steady());
    }

    /// A leak of 96 bytes an iteration isn't called one here. So no smaller one could have been.
    fn an_unsure_run_claims_nothing_below_what_rose() {
        let evidence = a_name_stays_beside(3_000, a_name);
        assert_eq!(evidence.verdict, Verdict::Inconclusive, "{}", evidence.because);
        let smallest = evidence.smallest_leak.expect("it ran long enough");
        assert!(smallest.bytes_per_iteration > 48.0, "{}", evidence.reach());
        assert!(smallest.blocks_per_iteration > 0.5, "{}", evidence.reach());
    }

    fn an_instrument_that_sees_nothing() {
        let evidence = Watch::new("read a page").heap_source(Blind).run(|| || ());
        shows("unread", evidence.check_steady());
    }

    fn pressure_where_steady_was_expected() {
        let evidence = Watch::new("parse it all").run(|| || drop(black_box(vec![0_u8; 48 << 20])));
        shows("pressure", evidence.check_steady());
    }

    fn a_peak_above_the_bound() {
        let evidence = Watch::new("parse it all").run(|| || drop(black_box(vec![0_u8; 3 << 20])));
        assert!(evidence.check_peak(3 << 20).is_ok());
        shows("peak", evidence.check_peak((3 << 20) - 1));
    }

    #[ignore = "fails on purpose: plain/isolation follows its next command"]
    fn a_leak_to_follow() {
        lines_that_pin_their_page().assert_steady();
    }

    fn warming_up_is_no_complaint() {
        let evidence = Watch::new("fill a cache").run(|| {
            let mut cache = Vec::with_capacity(150);
            move || if cache.len() < 150 { cache.push(a_page()) }
        });
        assert_eq!(evidence.verdict, Verdict::WarmingUp, "{}", evidence.because);
        evidence.assert_steady();
    }
}

/// Snapshots the complaint, without what differs from run to run and from machine to machine.
#[track_caller]
fn shows(name: &str, checked: Result<(), Complaint>) {
    let complaint = checked.expect_err("there is something to complain about");
    insta::with_settings!({
        omit_expression => true,
        prepend_module_to_snapshot => false,
        filters => [
            (r"\.rs:\d+", ".rs:[LINE]"),
            // Paths start where the shell that typed the command stands.
            (r"\(\S*?instruments/", "(instruments/"),
            (r"signature [0-9a-f]{16}", "signature [SIGNATURE]"),
            // How far C's heap moves by itself: by its digits the lines break elsewhere.
            (r"in mappings,\s+[0-9,.]+ bytes an iteration;[^;]*?tmpfs", "in mappings, [NOISE]"),
            // What this build lacks depends on its flags.
            (r"built without (.*\n  )?.*\n(  .*\n)*", ""),
        ]
    }, {
        insta::assert_snapshot!(name, complaint.to_string());
    });
}

/// One name stays for each iteration, and others go with the next: so many at most, by chance. Ten thousand an iteration take their time
/// where the machine has other work, and a run that ends early is less sure.
fn a_name_stays_beside(most: usize, other: fn() -> Box<[u8; 96]>) -> Evidence {
    let watch = Watch::new("remember names").warm_up(20);
    watch.deadline(Duration::from_mins(10)).run(move || {
        let (mut random, mut names) = (Random::new(7), Vec::with_capacity(10_000));
        let mut others = Vec::with_capacity(most);
        move || {
            names.push(a_name());
            others.clear();
            others.extend((0..random.below(most)).map(|_| other()));
        }
    })
}

#[expect(
    clippy::unnecessary_box_returns,
    reason = "the block is what this makes"
)]
#[inline(never)]
fn a_name() -> Box<[u8; 96]> {
    Box::new(black_box([1; 96]))
}

/// Each iteration means to keep 16 bytes and keeps a page alive.
fn lines_that_pin_their_page() -> Evidence {
    Watch::new("remember lines").run(|| {
        let mut lines: Vec<Line> = Vec::with_capacity(2_000);
        move || {
            lines.push(Line { _page: a_page() });
            Kept::bytes(lines.len() * 16)
        }
    })
}

struct Line {
    _page: Vec<u8>,
}

#[inline(never)]
fn a_page() -> Vec<u8> {
    black_box(vec![b'x'; 65_536])
}

/// Something else holds megabytes during the third quarter of each window.
#[derive(Debug, Default)]
struct Noise {
    iterations: Rc<Cell<u64>>,
}

impl HeapSource for Noise {
    fn name(&self) -> &'static str {
        "noise"
    }

    fn stacks(&self) -> String {
        "none".to_owned()
    }

    fn start(&mut self, _detail: Detail) -> Result<(), ReadError> {
        Ok(())
    }

    fn read(&self) -> HeapReading {
        let iteration = self.iterations.get().max(51) - 1;
        let window = 50 << (iteration / 50).ilog2();
        let bytes = match (iteration - window) * 4 / window {
            2 => 9_000_000,
            _ => 1_000_000,
        };
        HeapReading::live(bytes / 1_000, bytes)
    }

    fn stop(&mut self) -> Result<Option<Profile>, ReadError> {
        Ok(None)
    }
}

/// Can't start.
#[derive(Debug)]
struct Blind;

impl HeapSource for Blind {
    fn name(&self) -> &'static str {
        "blind"
    }

    fn stacks(&self) -> String {
        "none".to_owned()
    }

    fn start(&mut self, _detail: Detail) -> Result<(), ReadError> {
        Err(ReadError::new(
            "it sees no allocation of this process",
            "open its eyes",
        ))
    }

    fn read(&self) -> HeapReading {
        HeapReading::default()
    }

    fn stop(&mut self) -> Result<Option<Profile>, ReadError> {
        Ok(None)
    }
}
