//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's by `tests/profiled/proof.rs`.

use super::exercise::{End, Redirects};
use detectors::allocator::stats;
use detectors::{Class, Evidence, Watch};
use std::fmt::Write;
use std::hint::black_box;

/// What the exercise as shipped must be accused of.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::ReferenceCycles, "Redirects::host");

/// Redirects are followed to their end, and a loop is told from an end.
pub fn behaviour() {
    let redirects = Redirects::read(
        "shop.example www.shop.example\n\
         old.shop.example shop.example\n\
         a.example b.example\n\
         b.example a.example\n\
         into.example a.example\n\
         self.example self.example\n\
         without-a-target.example\n\
         shop.example b.example\n",
    );
    let end_at = |name: &str| End::At(name.to_owned());
    assert_eq!(
        redirects.end_of("old.shop.example"),
        end_at("www.shop.example"),
        "end_of follows redirects to the last host, and the first line of a host counts"
    );
    assert_eq!(
        redirects.end_of("www.shop.example"),
        end_at("www.shop.example"),
        "a host that doesn't redirect is its own end"
    );
    for name in ["a.example", "into.example", "self.example"] {
        for _ in 0..2 {
            assert_eq!(
                redirects.end_of(name),
                End::Loop,
                "end_of tells that the redirects from {name} go round, each time it is asked"
            );
        }
    }
    assert_eq!(
        redirects.end_of("without-a-target.example"),
        End::Unknown,
        "a line without a target is skipped"
    );
    assert_eq!(redirects.len(), 7, "len counts origins and targets once");

    let long = Redirects::read(&chain(1_000));
    assert_eq!(
        long.end_of("h0.example"),
        end_at("h1000.example"),
        "end_of follows a thousand redirects"
    );
    let long_loop = Redirects::read(&(chain(1_000) + "h1000.example h1.example\n"));
    assert_eq!(
        long_loop.end_of("h0.example"),
        End::Loop,
        "end_of tells that a thousand redirects go round"
    );
    assert_eq!(
        (long.end_of("h0.example"), long_loop.len()),
        (end_at("h1000.example"), 1_001),
        "two customers' redirects are apart, though their hosts have one name"
    );
}

/// So many redirects, each to the next host.
fn chain(redirects: usize) -> String {
    let mut lines = String::new();
    for host in 0..redirects {
        writeln!(lines, "h{host}.example h{}.example", host + 1).expect("a String takes any text");
    }
    lines
}

/// One customer after the other: a chain that ends, and a chain that runs into a loop.
pub fn memory() -> Evidence {
    Watch::new("the redirects").run(|| {
        let mut customers = 0;
        move || {
            let customer = format!("customer-{customers:06}.example");
            let redirects = Redirects::read(&format!(
                "old.{customer} new.{customer}\n\
                 new.{customer} shop.{customer}\n\
                 start.{customer} {customer}\n\
                 {customer} www.{customer}\n\
                 www.{customer} m.{customer}\n\
                 m.{customer} {customer}\n"
            ));
            // For some customers nobody asks.
            if customers % 2 == 0 {
                black_box(redirects.end_of(&customer));
            }
            customers += 1;
        }
    })
}

/// What was read goes with the value that holds it: loops of any length, asked for or not, nothing kept for the next customer.
pub fn exactly() {
    let long = chain(100);
    let loops = [
        ("a host that redirects to itself", "a a\n".to_owned()),
        ("two that redirect to each other", "a b\nb a\n".to_owned()),
        (
            "a way into a loop of three",
            "x a\na b\nb c\nc a\n".to_owned(),
        ),
        (
            "two loops, and a second line for a host",
            "a b\nb a\nc d\nd c\na c\n".to_owned(),
        ),
        ("a loop of a hundred", long + "h100.example h0.example\n"),
        ("no loop at all", chain(100)),
    ];
    for (what, lines) in loops {
        for asked in [false, true] {
            // The first time makes what is made once.
            let mut held = [0; 2];
            for held in &mut held {
                let before = stats().live_bytes;
                let redirects = Redirects::read(&lines);
                if asked {
                    black_box(redirects.end_of("a"));
                    black_box(redirects.end_of("h0.example"));
                }
                drop(redirects);
                *held = stats().live_bytes.saturating_sub(before);
            }
            assert_eq!(
                held[1],
                0,
                "bytes that stay when the redirects of {what} are dropped{}",
                if asked { ", after end_of" } else { "" }
            );
        }
    }
    let longest = chain(1_000);
    let before = stats().live_bytes;
    drop(black_box(Redirects::read(&longest)));
    assert!(
        stats().live_bytes <= before,
        "{} bytes stay of a customer with a thousand hosts: all that was read goes when it is dropped",
        stats().live_bytes - before
    );
}
