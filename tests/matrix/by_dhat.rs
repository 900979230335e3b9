//! The same by dhat, which can't tell who holds a block: a class that only holders tell is then no class at all, and never a
//! wrong one.

mod chart;
mod harness;
mod rows;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Whether the class must be told, and not only never a wrong one.
const TELLS_CLASSES: bool = false;

fn main() -> std::process::ExitCode {
    rows::main()
}
