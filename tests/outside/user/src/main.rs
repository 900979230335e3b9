//! The service as a program: its tests lie beside what they test, under cargo's own harness.

use outside_user::Service;

#[cfg(test)]
#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

fn main() {
    let mut service = Service::default();
    for client in std::env::args().skip(1) {
        println!("{}", audited(&mut service, &client));
    }
}

fn audited(service: &mut Service, client: &str) -> String {
    service.greet_with_audit(client)
}

#[cfg(test)]
mod tests {
    use super::audited;
    use detectors::{Verdict, Watch};
    use outside_user::{Service, client};

    #[test]
    fn a_programs_visits_are_steady() {
        Watch::new("visits").run(|| client("ada")).assert_steady();
    }

    #[test]
    fn a_programs_audit_is_caught() {
        let evidence = Watch::new("audit").run(|| {
            let mut service = Service::default();
            move || drop(audited(&mut service, "ada"))
        });
        assert_eq!(evidence.verdict, Verdict::Leak, "{}", evidence.because);
        let at = evidence
            .findings
            .iter()
            .find_map(|finding| finding.at.as_ref());
        let at = at.expect("a line").to_string();
        assert!(at.contains("Service::greet_with_audit"), "{at}");
    }
}
