//! Which functions an allocation passes through on its way here, learned from allocations made for that: in a stripped program
//! nothing else tells them from the program's own.

use crate::allocator::Scope;
use crate::model::reading::Detail;
use crate::profile;
use std::hint::black_box;

/// Learns them once, where functions have no names.
pub(crate) fn learn() {
    profile::learn_machinery(allocates as *const () as usize, || {
        let mut older: Vec<u8> = black_box(Vec::with_capacity(8));
        let Ok(scope) = Scope::new(Detail::Stacks) else {
            return Vec::new();
        };
        let made = allocates(&mut older);
        let mut sites = Vec::new();
        scope.each_site(&mut |site| sites.push(site.site));
        drop(black_box(made));
        sites
            .iter()
            .map(|&site| Scope::stack_of(site).to_vec())
            .collect()
    });
}

/// Allocates in each of the ways that an allocator is asked.
#[inline(never)]
fn allocates(older: &mut Vec<u8>) -> (Box<u64>, Vec<u8>, Vec<u8>) {
    let boxed = black_box(Box::new(black_box(7)));
    let zeroed = black_box(vec![0; black_box(64)]);
    let mut grown = Vec::new();
    grown.extend_from_slice(black_box(&[1; 64]));
    older.reserve(black_box(1_000));
    (boxed, zeroed, grown)
}
