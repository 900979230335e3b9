//! The answer sheet against the detectors' own watch: the same change of the service, watched in this process with all that a watch can see.
//!
//! `cargo test -p tests --test drills_watched -- --ignored` watches each of them, which takes some minutes; with `DRILLS_WITH=WORDS` those
//! whose sheet has these words.

#[path = "../driver.rs"]
mod driver;
mod sheets;

use chapter::FEW;
use detectors::{Evidence, ProfilingAllocator, Verdict, Watch};
use domain_service::cluster::Cluster;
use domain_service::features::{rollout, router, serve_on};
use reqwest::Client;
use sheets::Sheet;
use std::time::Duration;
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: ProfilingAllocator = ProfilingAllocator::system();

/// How long a watch may take.
const WITHIN: Duration = Duration::from_mins(4);

/// Requests until what has a bound in the service is full.
const UNTIL_FULL: usize = 96;

/// What a request asks for, by the part of the service in which the change is.
fn path(file: &str, function: &str) -> &'static str {
    match (file, function) {
        (_, "Briefs::remember_unknown") => "/apex/n{n}.nobody.example?client=D{n}",
        (_, "Watchers::wait_with_beats") => "/beats/b{n}.example?for=1",
        (_, "Watchers::tell") => "/apex/customer-{n}.example?client=C{n}",
        ("watchers.rs", _) => "/watch/w{n}.example?for=1",
        (_, "Lookup::look_ahead") => "/next/large-07.example?after=h0{n}",
        (_, "Lookup::refused") => "/deep/large-07.example",
        ("exports.rs" | "codec.rs", _) => "/export/customer-0042.example?lines=2",
        _ => "/apex/customer-{n}.example?client=C{n}",
    }
}

/// What stays of requests to a service with this change.
fn watched(change: Option<usize>, path: &'static str) -> Evidence {
    let watch = Watch::new("a service with a change");
    watch
        .deadline(WITHIN)
        .warm_up(FEW)
        .run_async(async move || {
            let cluster = Cluster::start(0).await.expect("a free port");
            let live: Vec<(usize, u16)> = change.into_iter().map(|change| (change, 1)).collect();
            let rollout = rollout::Rollout::of(&rollout::line(7, &live)).expect("a line");
            let folder = tempfile::tempdir().expect("a scratch folder");
            let router = router(&cluster.url(), folder.path().to_owned(), &rollout);
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("bound");
            tokio::spawn(serve_on(listener, router.expect("an address")));
            let client = Client::new();
            let mut number = 0_usize;
            let mut request = async move || {
                let (_cluster, _folder) = (&cluster, &folder);
                number += 1;
                let path = path.replace("{n}", &format!("{:04}", number % 10_000));
                let answer = client.get(format!("http://{address}{path}")).send().await;
                let answer = answer.expect("the service answers");
                assert!(answer.bytes().await.is_ok());
            };
            for _ in 0..UNTIL_FULL {
                request().await;
            }
            request
        })
}

/// What a watch finds of these by a library's code, or by the kernel: the response, the page, the file.
const BY_OTHERS: [&str; 4] = [
    "unclosed-bodies",
    "retained-subslices",
    "deferred-cleanup",
    "foreign-memory",
];

/// Holds a watch's evidence against the sheet: a leak, by one of the sheet's functions, and of that class where the watch tells one.
fn agrees(sheet: &Sheet) -> Result<String, String> {
    let (file, function) = sheet.kept_by.clone().ok_or("no place")?;
    let evidence = watched(sheet.change, path(&file, &function));
    let sites = evidence.findings_list().to_string();
    let told = format!(
        "{}: {} {:?}, {}\n{sites}\n{:#?}",
        sheet.what, evidence.verdict, evidence.class, evidence.because, evidence.holders
    );
    let is_class = evidence
        .class
        .is_none_or(|class| class.as_str() == sheet.what);
    let is_site = sheet.functions().any(|function| sites.contains(&function))
        || BY_OTHERS.contains(&&*sheet.what);
    if evidence.verdict == Verdict::Leak && is_class && is_site {
        Ok(told)
    } else {
        Err(told)
    }
}

detectors::tests! {
    /// One of them.
    #[deadline(seconds = 300)]
    fn a_watch_says_what_the_sheet_says() {
        let sheet = sheets::with(1, "watched-one", "Registry::view");
        let told = agrees(&sheet).unwrap_or_else(|told| panic!("the watch disagrees: {told}"));
        assert!(told.contains("registry.rs"), "{told}");
    }

    #[deadline(seconds = 3600)]
    #[ignore]
    fn a_watch_says_what_every_sheet_says() {
        let mut wrong = Vec::new();
        let words = std::env::var("DRILLS_WITH").unwrap_or_default();
        let sheets = sheets::of(1, "watched-all");
        let is_asked_for = |sheet: &&Sheet| sheet.kept_by.is_some() && sheet.text.contains(&words);
        for sheet in sheets.iter().filter(is_asked_for) {
            match agrees(sheet) {
                Ok(told) => eprintln!("--- {told}"),
                Err(told) => wrong.push(told),
            }
        }
        assert!(wrong.is_empty(), "{} disagree:\n{}", wrong.len(), wrong.join("\n\n"));
    }
}
