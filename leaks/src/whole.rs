//! What the command does besides the operator's: the learner's part and the story.

use crate::args::{Learner, Story};
use crate::incident;
use crate::learner::{
    book, check, drill, exercise, measure, progress, run, start, verify, watch, wild,
};
use crate::portable;
use detectors::ProfilingAllocator;
use detectors::allocator::Reporting;
use domain_service::serve;
use std::io::Write;
use workbook::Ending;
use workbook::problem::Result;
use workbook::workspace::Workspace;

/// Counts what the chapters allocate, and knows who holds it; and says what was held when there is no more.
#[global_allocator]
static ALLOCATOR: ProfilingAllocator<Reporting> = ProfilingAllocator::new(Reporting::system());

/// Where the reader is, and what is next.
pub(crate) fn start(out: &mut dyn Write) -> Result<Ending> {
    start::start(&Workspace::find()?, out)
}

pub(crate) fn learn(command: &Learner, out: &mut dyn Write) -> Result<Ending> {
    // The child of a measurement has no use for it.
    let here = Workspace::find;
    match command {
        Learner::List => start::list(&here()?, out),
        Learner::Run(args) => run::run(&here()?, args, out),
        Learner::Check(args) => check::check(&here()?, args, out),
        Learner::Watch(args) => watch::watch(&here()?, args, out),
        Learner::Hint(of) => exercise::hint(&here()?, of, out),
        Learner::Reset(of) => exercise::reset(&here()?, of, out),
        Learner::Solution(of) => exercise::solution(&here()?, of, out),
        Learner::Progress(args) => progress::progress(&here()?, args, out),
        Learner::Verify(args) => verify::verify(&here()?, args, out),
        Learner::Wild(args) => wild::wild(&here()?, args, out),
        Learner::Drill(args) => drill::drill(&here()?, args, out),
        Learner::Answer(args) => drill::answer(&here()?, args, out),
        Learner::Book(args) => book::book(&here()?, args),
        Learner::Measure(args) => measure::child(args),
    }
}

pub(crate) fn tell(command: &Story, out: &mut dyn Write) -> Result<Ending> {
    match command {
        Story::Serve(args) => serve::serve(args, chapters::ALL, out),
        Story::Cluster(args) => serve::cluster(args, out),
        Story::Incident(args) => incident::incident(&Workspace::find()?, args, out),
        Story::Portable(args) => portable::portable(&Workspace::find()?, args, out),
    }
}
