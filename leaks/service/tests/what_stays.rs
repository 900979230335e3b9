//! What stays of requests: nothing of those that went wrong, and a chapter's leak where one was asked for.

mod hostile;
mod rude;

use detectors::{Verdict, Watch};
use domain_service::cluster::Cluster;
use domain_service::{Leaks, Options, Service};
use hostile::{Answer, Hostile};
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

/// How long a watch may take.
const WITHIN: Duration = Duration::from_mins(4);

/// In each iteration: a watch that sees nothing grow ends after two hundred, and it is to be a thousand at least.
const TOGETHER: usize = 8;

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

    #[deadline(seconds = 300)]
    fn a_request_leaks_as_the_chapter_does() {
        let evidence = Watch::new("a service that leaks").warm_up(8).run_async(async || {
            let cluster = Cluster::start(0).await.expect("a free port");
            let leaks = Leaks::start(&["reference-cycles"]).expect("a chapter");
            let service = Service::start(Options { page_size: 100, ..Options::new(cluster.url()) }, leaks);
            let service = service.await.expect("a free port");
            let client = Client::new();
            async move || {
                let _cluster = &cluster;
                assert_eq!(ask(&client, &service).await, 200);
            }
        });
        assert_eq!(evidence.verdict, Verdict::Leak, "{}", evidence.because);
        let sites = evidence.findings_list().to_string();
        assert!(sites.contains("reference_cycles::leaky"), "{sites}");
    }
}
