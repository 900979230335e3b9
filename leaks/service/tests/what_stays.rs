//! What stays of requests: nothing of those that went wrong, and a chapter's leak where one was asked for.

mod hostile;

use detectors::{Verdict, Watch};
use domain_service::cluster::Cluster;
use domain_service::{Leaks, Options, Service};
use hostile::{Answer, Hostile};
use reqwest::Client;

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

detectors::tests! {
    #[deadline(seconds = 300)]
    fn nothing_stays_of_a_thousand_answers_that_went_wrong() {
        let evidence = Watch::new("a hostile cluster").run_async(async || {
            let mut services = Vec::new();
            for answer in Answer::ALL {
                let hostile = Hostile::start(answer);
                let service = Service::start(Options::new(hostile.url()), Leaks::default()).await;
                services.push((service.expect("a free port"), hostile));
            }
            let client = Client::new();
            let mut number = 0;
            async move || {
                number += 1;
                let (service, _) = &services[number % services.len()];
                assert_eq!(ask(&client, service).await, 502);
            }
        });
        evidence.assert_steady();
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
