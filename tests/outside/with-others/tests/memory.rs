use detectors::{Evidence, Origin, Watch};

fn asks_the_vendored() {
    vendored::keep(7);
}

fn asks_the_neighbour() {
    neighbour::keep(7);
}

fn asks_for_a_box() -> Box<u64> {
    vendored::boxed(7)
}

fn points_at(evidence: &Evidence, function: &str) {
    let site = evidence
        .findings
        .iter()
        .find_map(|finding| finding.at.as_ref());
    let site = site.expect("a leak has a site");
    assert!(site.frame.function.ends_with(function), "{site}");
    assert_eq!(site.origin, Origin::Own);
    let of_others: Vec<Origin> = site
        .stack
        .iter()
        .filter(|frame| {
            frame.function.starts_with("vendored") || frame.function.starts_with("neighbour")
        })
        .map(|frame| frame.origin())
        .collect();
    assert_eq!(of_others, [Origin::Dependency], "{:?}", site.stack);
}

detectors::memory_tests! {
    fn a_vendored_package_is_not_the_services_own() {
        let evidence = Watch::new("vendored").run(|| asks_the_vendored);
        points_at(&evidence, "asks_the_vendored");
    }

    fn a_package_beside_the_workspace_is_not_the_services_own() {
        let evidence = Watch::new("beside").run(|| asks_the_neighbour);
        points_at(&evidence, "asks_the_neighbour");
    }

    fn a_generic_of_a_vendored_package_is_not_the_services_own() {
        let evidence = Watch::new("generic").run(|| {
            let mut kept = Vec::with_capacity(100_000);
            move || kept.push(asks_for_a_box())
        });
        points_at(&evidence, "asks_for_a_box");
    }
}
