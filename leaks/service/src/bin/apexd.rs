//! The story's service with all that its operators have added, as it is deployed.

use detectors::ProfilingAllocator;
use detectors::allocator::Reporting;
use domain_service::features::serve::serve;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: ProfilingAllocator<Reporting> = ProfilingAllocator::new(Reporting::system());

fn main() -> ExitCode {
    workbook::with_output(serve)
}
