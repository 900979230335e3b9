//! swc-project/swc#10032, 2025: a compiler's atoms outlive the files that they came from.
//!
//! Each thread's store keeps every atom that it ever made. In the next release an atom that nobody holds any more leaves it.

wild::case!(compile_a_file);

fn compile_a_file() -> impl FnMut() {
    let mut number = 0_u64;
    move || {
        for _ in 0..10 {
            number += 1;
            let text = format!("component_{number:040}"); // <- the line
            let name = hstr::Atom::from(text); // <- the line
            assert!(name.len() > 40);
        }
    }
}
