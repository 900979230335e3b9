//! rojo-rbx/rbx-dom#515, 2025: a global interner is given what users send.
//!
//! `Ustr` keeps each text for the life of the program, in large blocks of its own, which is sound for a finite set of names. The
//! mended use interns what is known when the program is written, and owns the rest.

use ustr::{Ustr, ustr};

wild::case!(names_from_a_file, names_that_are_owned);

fn names_from_a_file() -> impl FnMut() {
    let mut number = 0_u64;
    move || {
        for _ in 0..50 {
            number += 1;
            let name: Ustr = ustr(&long_name(number)); // <- the line
            assert!(!name.is_empty());
        }
    }
}

fn names_that_are_owned() -> impl FnMut() {
    let kind = ustr("Part");
    let mut number = 0_u64;
    move || {
        for _ in 0..50 {
            number += 1;
            let name: String = long_name(number);
            assert!(!name.is_empty() && kind.as_str() == "Part");
        }
    }
}

fn long_name(number: u64) -> String {
    format!("{number:0400}")
}
