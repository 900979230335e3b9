//! The program as Valgrind runs it: on the system's allocator, without anything of ours. `plain ROUNDS` keeps blocks; `plain time
//! ROUNDS` prints the nanoseconds of a round that keeps none.

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rounds = words
        .last()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(200);
    if words.first().is_some_and(|word| word == "time") {
        println!("{}", foreign::time_of_pairs(rounds));
    } else {
        println!("{:?}", foreign::work(rounds));
    }
}
