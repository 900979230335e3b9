//! Repeats a proof and counts the words.

use detectors::{Evidence, Verdict, Watch};
use std::collections::BTreeMap;
use std::fs::File;
use std::process::{Child, Command, Stdio};

/// The watch must say `leak` and name the function each time.
pub(crate) fn fires(site: &str, run: impl Fn(Watch, u64) -> Evidence) {
    prove(run, |evidence| is_named(evidence, site));
}

/// Noise is part of the workload: `inconclusive` is no false word.
pub(crate) fn fires_or_is_unsure(site: &str, run: impl Fn(Watch, u64) -> Evidence) {
    prove(run, |evidence| {
        evidence.verdict == Verdict::Inconclusive || is_named(evidence, site)
    });
}

/// The watch must say `steady` or `warming-up` each time.
pub(crate) fn silent(run: impl Fn(Watch, u64) -> Evidence) {
    prove(run, |evidence| evidence.verdict.is_calm());
}

/// Noise is part of the workload: `inconclusive` is no false word.
pub(crate) fn silent_or_unsure(run: impl Fn(Watch, u64) -> Evidence) {
    prove(run, |evidence| {
        evidence.verdict == Verdict::Inconclusive || evidence.verdict.is_calm()
    });
}

/// The first site must be the fault's: a second one may be what the fault's holder needs.
fn is_named(evidence: &Evidence, site: &str) -> bool {
    evidence.verdict == Verdict::Leak
        && evidence
            .first_site()
            .is_some_and(|first| first.frame.function.contains(site))
}

fn prove(run: impl Fn(Watch, u64) -> Evidence, is_right: impl Fn(&Evidence) -> bool) {
    let mut neighbour = BusyNeighbour::of_this_program();
    let mut words: BTreeMap<&str, u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    for seed in 0..repetitions() {
        neighbour.see_to_it();
        let evidence = run(Watch::new(format!("seed {seed}")), seed);
        *words.entry(evidence.verdict.as_str()).or_default() += 1;
        if !is_right(&evidence) {
            wrong.push(evidence);
        }
    }
    println!("proof: {words:?}");
    if let Some(first) = wrong.first() {
        panic!(
            "{} of {} false words, {words:?}; the first, {}: {}: {}\n{}\n{}{}",
            wrong.len(),
            repetitions(),
            first.name,
            first.verdict,
            first.because,
            first.windows_table(),
            first.findings_list(),
            first.reach(),
        );
    }
}

fn repetitions() -> u64 {
    std::env::var("DETECTORS_REPETITIONS")
        .ok()
        .map_or(1, |text| {
            text.parse().expect("DETECTORS_REPETITIONS is a number")
        })
}

/// Another process that wants a core for itself. One of this program's tests at a time has it: as two more tests than there are cores run,
/// each is the others' busy neighbour as well, and a busy process for each of them would take most of the machine.
struct BusyNeighbour {
    /// Locked by the test that has it.
    lock: File,
    process: Option<Child>,
}

impl BusyNeighbour {
    fn of_this_program() -> Self {
        let program = std::env::current_exe().and_then(File::open);
        BusyNeighbour {
            lock: program.expect("this program's file"),
            process: None,
        }
    }

    /// Whose test had it may have ended.
    fn see_to_it(&mut self) {
        if self.process.is_none() && self.lock.try_lock().is_ok() {
            // It looks for its parent now and then, so that it doesn't outlive one that is killed.
            let spin = "while kill -0 $PPID 2>/dev/null; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; done";
            let mut shell = Command::new("sh");
            shell.args(["-c", spin]).stdin(Stdio::null());
            self.process = Some(shell.spawn().expect("a shell to be busy in"));
        }
    }
}

impl Drop for BusyNeighbour {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // It may be gone already; then there is nothing to end.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Random numbers that are the same for the same seed, good enough for sizes and keys.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below the bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// A length below the bound.
    pub(crate) fn length(&mut self, bound: u32) -> usize {
        usize::try_from(self.below(u64::from(bound))).expect("32 bits fit")
    }
}
