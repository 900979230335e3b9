//! `leaks serve`, on jemalloc. `leaks incident` builds and starts it; what jemalloc does with freed pages is told by
//! `_RJEM_MALLOC_CONF`, as for any program on it.

use clap::Parser;
use detectors::ProfilingAllocator;
use detectors::allocator::Reporting;
use domain_service::serve::{ServeArgs, serve};
use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: ProfilingAllocator<Reporting<Jemalloc>> =
    ProfilingAllocator::new(Reporting::new(Jemalloc));

/// Run the service of the story on jemalloc, as `leaks serve` does on the system's allocator
#[derive(Debug, Parser)]
#[command(name = "leaks-on-jemalloc", version)]
struct Cli {
    #[command(flatten)]
    serve: ServeArgs,
}

fn main() -> ExitCode {
    // As Go's FreeOSMemory: whoever asks for memory gets it in the way that is configured, lazily or at once.
    detectors::memory::set_underlying(&detectors_jemalloc::AsConfigured);
    let cli = Cli::parse();
    workbook::with_output(|out| serve(&cli.serve, chapters::ALL, out))
}
