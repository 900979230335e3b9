//! What stays of requests: nothing of those that went wrong, and a chapter's leak where one was asked for.

mod hostile;
mod rude;

use allocator_retention::NIGHT_BYTES;
use detectors::memory::RetentionKind;
use detectors::{Evidence, Verdict, Watch};
use domain_service::cluster::Cluster;
use domain_service::{Leaks, Options, Service};
use hostile::{Answer, Hostile};
use memory_pressure::BUDGET_BYTES;
use reqwest::Client;
use rude::Rude;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

/// Asks, and reads the answer to its end, whatever it says.
async fn ask(client: &Client, service: &Service) -> u16 {
    let url = format!("http://{}/apex/customer-0042.example", service.address());
    let answer = client.get(url).send().await.expect("the service answers");
    let status = answer.status().as_u16();
    assert!(answer.bytes().await.is_ok());
    status
}

/// How long a watch may take, on a busy machine as well: after that it names no line.
const WITHIN: Duration = Duration::from_mins(4);

/// In each iteration: a watch that sees nothing grow ends after two hundred, and it is to be a thousand at least.
const TOGETHER: usize = 8;

/// What stays of requests to a service with these leaks.
fn of_requests(watch: Watch, leaks: &[&str]) -> Evidence {
    watch.warm_up(8).deadline(WITHIN).run_async(async || {
        let cluster = Cluster::start(0).await.expect("a free port");
        let leaks = Leaks::start(leaks, chapters::ALL).expect("chapters");
        let options = Options {
            page_size: 100,
            ..Options::new(cluster.url())
        };
        let service = Service::start(options, leaks).await.expect("a free port");
        let client = Client::new();
        async move || {
            let _cluster = &cluster;
            assert_eq!(ask(&client, &service).await, 200);
        }
    })
}

detectors::tests! {
    #[deadline(seconds = 300)]
    fn nothing_stays_of_a_thousand_answers_that_went_wrong() {
        let asked = AtomicUsize::new(0);
        let asked = &asked;
        let evidence = Watch::new("a hostile cluster").deadline(WITHIN).run_async(async || {
            let mut services = Vec::new();
            for answer in Answer::ALL {
                let hostile = Hostile::start(answer);
                let service = Service::start(Options::new(hostile.url()), Leaks::default()).await;
                services.push((service.expect("a free port"), hostile));
            }
            let client = Client::new();
            async move || {
                for _ in 0..TOGETHER {
                    let (service, _) = &services[asked.fetch_add(1, Ordering::Relaxed) % services.len()];
                    assert_eq!(ask(&client, service).await, 502);
                }
            }
        });
        evidence.assert_steady();
        assert!(asked.load(Ordering::Relaxed) >= 1_000);
    }

    #[deadline(seconds = 300)]
    fn nothing_stays_of_a_thousand_clients_that_misbehaved() {
        let seen = AtomicUsize::new(0);
        let seen = &seen;
        let evidence = Watch::new("rude clients").deadline(WITHIN).run_async(async || {
            let cluster = Cluster::start(0).await.expect("a free port");
            let limits = Options { head_within: Duration::from_millis(20), ..Options::new(cluster.url()) };
            let service = Service::start(limits, Leaks::default()).await.expect("a free port");
            let rude = [&Rude::AT_ONCE[..], &Rude::IN_TIME].concat();
            async move || {
                let _cluster = &cluster;
                for _ in 0..TOGETHER {
                    let rude = rude[seen.fetch_add(1, Ordering::Relaxed) % rude.len()];
                    rude.behave(service.address(), Duration::from_millis(1)).await;
                }
            }
        });
        evidence.assert_steady();
        assert!(seen.load(Ordering::Relaxed) >= 1_000);
    }

    #[deadline(seconds = 600)]
    fn a_request_leaks_as_the_chapter_does() {
        let evidence = of_requests(Watch::new("a service that leaks"), &["reference-cycles"]);
        assert_eq!(evidence.verdict, Verdict::Leak, "{}", evidence.because);
        let sites = evidence.findings_list().to_string();
        assert!(sites.contains("reference_cycles::leaky"), "{sites}");
    }

    #[deadline(seconds = 600)]
    fn a_request_needs_as_much_at_once_as_the_chapter_does() {
        let watch = || Watch::new("a service under pressure").pressure_from(BUDGET_BYTES);
        of_requests(watch(), &["memory-pressure"]).assert_pressure("memory-pressure/src/leaky.rs");
        of_requests(watch(), &[]).assert_steady();
    }

    #[deadline(seconds = 600)]
    fn a_request_leaves_as_much_to_the_allocator_as_the_chapter_does() {
        let watch = || Watch::new("a service after a night").pressure_from(NIGHT_BYTES);
        of_requests(watch(), &["allocator-retention"]).assert_retention(RetentionKind::ByAllocator);
        of_requests(watch(), &[]).assert_steady();
    }
}
