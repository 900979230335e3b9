//! The witness on one workload: `cargo run --bin witness -- cache 16000`.

use healthy::witness::{Counting, Witness};
use healthy::{broker, cache, database, http, logger, parser, pool, search, timers, web_socket};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (name, iterations) = (arguments.next().unwrap_or_default(), arguments.next());
    let Some(iterations) = iterations.and_then(|text| text.parse().ok()) else {
        eprintln!(
            "healthy: after the workload's name comes how many iterations to run: cargo run --bin witness -- cache 16000"
        );
        return ExitCode::from(2);
    };
    let witness = Witness { iterations };
    match name.as_str() {
        "broker" => broker::run(witness),
        "cache" => cache::run(witness),
        "database" if database::run(witness).is_none() => {
            println!("not run: redis-server isn't installed")
        }
        "database" => {}
        "http" => http::run(witness),
        "logger" => logger::run(witness),
        "parser" => parser::run(witness),
        "pool" => pool::run(witness),
        "search" => search::run(witness),
        "timers" => timers::run(witness),
        "web_socket" => web_socket::run(witness),
        other => {
            eprintln!("healthy: there is no workload `{other}`; src/lib.rs lists the ten");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
