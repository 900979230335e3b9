//! Drills: they are blind, they can be solved by what a learner has, and a guess scores nothing.
//!
//! `cargo test -p tests --test drills -- --ignored` plays every drill at every level, which takes more than an hour.

mod blind;
#[path = "../driver.rs"]
mod driver;
mod playing;
#[path = "../served.rs"]
mod served;
mod sheets;
mod solver;

use detectors::Class;
use driver::{Ran, Workbook, real_root};
use playing::Playing;
use serde_json::Value;
use sheets::Sheet;
use solver::{Solved, solve};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often the sample is looked at, at most.
const ATTEMPTS: u32 = 5;

/// How long it may take a busy machine.
const TOLD_WITHIN: Duration = Duration::from_mins(1);

/// How long a service warms up before it is looked at.
const WARM: Duration = Duration::from_secs(18);

impl Playing {
    fn answer(&self, solved: &Solved) -> Ran {
        match solved {
            Solved::Leak {
                class,
                site,
                evidence,
            } => {
                let evidence = evidence.to_str().expect("letters");
                self.workbook.leaks([
                    "answer",
                    "--class",
                    class.as_str(),
                    "--site",
                    site,
                    "--evidence",
                    evidence,
                ])
            }
            Solved::NoLeak { verdict, evidence } => self.workbook.leaks([
                "answer",
                "no-leak",
                verdict,
                "--evidence",
                evidence.to_str().expect("letters"),
            ]),
        }
    }
}

/// A leak from its start to its score: nothing around the process tells it, triage withholds, wrong evidence is refused, a guess is wrong,
/// and what the profiles tell is right.
#[test]
fn a_drill_is_blind_and_is_solved_by_its_profiles() {
    let seed = sheets::with(1, "solved", "made by Sessions::enter").seed;
    let mut playing = Playing::start(Workbook::copy("drill-solved"), seed, 1);
    playing.is_sample = true;
    let workbook = &playing.workbook;
    let stranger = workbook.path("chapters/global-caches/shown/report.json");
    let stranger = stranger.to_str().expect("letters");
    let guess = [
        "answer",
        "--class",
        "global-caches",
        "--site",
        "Sessions::enter",
        "--evidence",
    ];
    workbook
        .leaks([&guess[..], &[stranger]].concat())
        .exits(2)
        .stderr_has("is no evidence of this drill");
    // On a busy machine requests pile up now and then, and something else seems to grow as well.
    let mut solved = Vec::new();
    for _ in 0..ATTEMPTS {
        solved = solve(
            &playing,
            Duration::from_secs(4),
            Duration::from_secs(8),
            &source(),
        );
        if matches!(&solved[..], [Solved::Leak { .. }]) {
            break;
        }
    }
    blind::nothing_tells(&playing);
    let [solved] = &solved[..] else {
        panic!("one thing grows: {solved:?}");
    };
    let Solved::Leak { evidence, .. } = solved else {
        panic!("something leaks: {solved:?}");
    };
    let evidence = evidence.to_str().expect("letters");
    let wrong = [
        "answer",
        "--class",
        "lost-pointers",
        "--site",
        "Sessions::enter",
        "--evidence",
        evidence,
    ];
    workbook
        .leaks(wrong)
        .exits(1)
        .stdout_has("2 of 3 tries are left");
    let elsewhere = [
        "answer",
        "--class",
        "global-caches",
        "--site",
        "Slots::nothing",
        "--evidence",
        evidence,
    ];
    workbook
        .leaks(elsewhere)
        .exits(2)
        .stderr_has("is on no stack in it");
    playing
        .answer(solved)
        .exits(0)
        .stdout_has("75 of 100 points")
        .stdout_has("A short path");
    playing
        .answer(solved)
        .exits(2)
        .stderr_has("this drill is over");
    workbook
        .leaks(["drill", "--history"])
        .exits(0)
        .stdout_has("global-caches")
        .stdout_has("75/100");
    workbook
        .leaks(["drill"])
        .exits(2)
        .stderr_has("a drill runs already");
}

/// What isn't evidence isn't counted, whatever it is; wrong answers are, however often the drill is begun anew and however many come at
/// once. The third shows the way, and the drill has no points then.
#[test]
fn guessing_scores_nothing() {
    let seed = sheets::with(1, "guessed", "made by Briefs::remember_unknown").seed;
    let workbook = Workbook::copy("drill-guessed");
    let playing = Playing::start(workbook.same(), seed, 1);
    let report = with_windows(&playing);
    let forged = workbook.path("forged.json");
    let port = playing.debug.rsplit(':').next().expect("a port");
    let text = format!("{{\"name\": \":{port}\", \"verdict\": \"leak\"}}");
    std::fs::write(&forged, text).expect("writable");
    says_another_thing(&playing, &report, &forged);
    let guess = |playing: &Playing, evidence: PathBuf| {
        let (class, site) = (Class::OrphanedTasks, "Audit::copy".to_owned());
        playing.answer(&Solved::Leak {
            class,
            site,
            evidence,
        })
    };
    guess(&playing, forged).exits(2);
    let evidence = playing.profile("heap");
    let soup = [
        "answer",
        "--class",
        "global-caches",
        "--site",
        "Audit::copy",
    ];
    let soup = [
        &soup[..],
        &["--holder", "task or apex or nobody", "--evidence"],
    ]
    .concat();
    workbook
        .leaks([&soup[..], &[evidence.to_str().expect("letters")]].concat())
        .exits(2)
        .stderr_has("a word or two");
    guess(&playing, evidence.clone())
        .exits(1)
        .stdout_has("2 of 3 tries are left");
    drop(playing);
    let ended = [
        "answer",
        "--class",
        "global-caches",
        "--site",
        "Audit::copy",
    ];
    let ended = [
        &ended[..],
        &["--evidence", evidence.to_str().expect("letters")],
    ]
    .concat();
    workbook
        .leaks(ended)
        .exits(2)
        .stderr_has("the drill's service has ended");

    let playing = Playing::start(workbook.same(), seed, 1);
    assert!(
        playing.told.contains("You were here before: 1 wrong"),
        "{}",
        playing.told
    );
    let evidence = playing.profile("heap");
    let ends: Vec<Option<i32>> = std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| guess(&playing, evidence.clone()).status()))
            .collect();
        guesses
            .into_iter()
            .map(|guess| guess.join().expect("it ends"))
            .collect()
    });
    // Two were left; what comes after them is of a drill that is over.
    let wrong = ends.iter().filter(|end| **end == Some(1)).count();
    assert_eq!(wrong, 2, "{ends:?}");
    // The service is told within a second or so that nothing is to be withheld any more.
    let began = Instant::now();
    while playing.get_text("/metrics").contains("# withheld") {
        assert!(
            began.elapsed() < TOLD_WITHIN,
            "it is over, and still withheld"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(playing.post("/holders?seconds=1").status, 200);
    let done = playing.done();
    assert_eq!(
        (done.len(), done[0]["points"].as_u64()),
        (1, Some(0)),
        "{done:?}"
    );
}

/// A look's report. On a slow machine the shortest looks end before their first window.
fn with_windows(playing: &Playing) -> PathBuf {
    for seconds in [2, 8, 32] {
        let (report, _) = playing.triage(Some(seconds));
        let text = std::fs::read_to_string(&report).expect("the report");
        let told: Value = serde_json::from_str(&text).expect("JSON");
        if told["readings"].as_array().is_some_and(|it| !it.is_empty()) {
            return report;
        }
    }
    panic!("a look of 32 seconds has no window");
}

/// A report is no evidence where it says another thing than the answer, or nothing; nor is one that is made up.
fn says_another_thing(playing: &Playing, report: &Path, forged: &Path) {
    let told = std::fs::read_to_string(report).expect("the report");
    let mut told: Value = serde_json::from_str(&told).expect("JSON");
    let steady = |evidence: &Path| {
        let (verdict, evidence) = ("steady".to_owned(), evidence.to_owned());
        playing.answer(&Solved::NoLeak { verdict, evidence })
    };
    for (verdict, why) in [
        ("inconclusive", "it says inconclusive"),
        ("pressure", "it says pressure, and the answer says steady"),
        ("leak", "it says leak, and the answer says steady"),
    ] {
        told["verdict"] = verdict.into();
        std::fs::write(report, told.to_string()).expect("writable");
        steady(report).exits(2).stderr_has(why);
    }
    told["readings"] = serde_json::json!([]);
    for (verdict, why) in [
        ("inconclusive", "it says inconclusive"),
        ("steady", "it says steady, and has no window of a look"),
    ] {
        told["verdict"] = verdict.into();
        std::fs::write(report, told.to_string()).expect("writable");
        steady(report).exits(2).stderr_has(why);
    }
    steady(forged)
        .exits(2)
        .stderr_has("is no evidence of this drill");
}

#[test]
fn a_seed_whose_sheet_was_asked_for_has_no_score() {
    let (workbook, seed) = (Workbook::copy("drill-led"), "7");
    workbook
        .leaks(["drill", "--lead", "--seed", seed])
        .exits(0)
        .stdout_has("no score any more");
    let state: Value = serde_json::from_str(&workbook.read(".leaks.json")).expect("JSON");
    assert_eq!(state["drills"]["led"], serde_json::json!([[7, 1]]));
}

fn source() -> PathBuf {
    real_root().join("leaks/service/src/features")
}

/// How far the solver's two looks are apart: what is slow or rare takes its time.
fn apart(level: u8) -> Duration {
    Duration::from_secs([10, 60, 30][usize::from(level) - 1])
}

/// Plays them all. `DRILLS=1:Sessions,Audit` plays those of level 1 whose sheets have one of these words.
#[test]
#[ignore = "it takes more than an hour"]
fn every_drill_is_solved_at_each_level() {
    let wanted = std::env::var("DRILLS").unwrap_or_default();
    let (levels, words) = wanted.split_once(':').unwrap_or((&wanted, ""));
    let mut wrong = Vec::new();
    for level in 1..=3 {
        if !levels.is_empty() && !levels.contains(&level.to_string()) {
            continue;
        }
        for Sheet {
            text: sheet,
            seed,
            what,
            ..
        } in sheets::of(level, "lead")
        {
            let sheet_in_a_line = sheet.split_whitespace().collect::<Vec<_>>().join(" ");
            if !words.split(',').any(|word| sheet_in_a_line.contains(word)) {
                continue;
            }
            eprintln!("--- level {level}, seed {seed}: {what}");
            let playing =
                Playing::start(Workbook::copy(&format!("drill-all-{level}")), seed, level);
            let solved = solve(&playing, WARM, apart(level), &source());
            let answers: Vec<Ran> = solved.iter().map(|solved| playing.answer(solved)).collect();
            let done = playing.done();
            let points = done
                .first()
                .and_then(|done| done["points"].as_u64())
                .unwrap_or(0);
            eprintln!("    {solved:?}: {points} points");
            if points == 0 {
                let told: Vec<String> = answers.iter().map(Ran::snapshot).collect();
                wrong.push(format!(
                    "level {level}, seed {seed}\n{sheet}\n{solved:?}\n{}",
                    told.join("\n")
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} weren't solved:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}
