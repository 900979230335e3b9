//! Who holds it, as a drawing: from where pointers begin, over the blocks on the way, to the blocks that stay.

use super::html::{Escaped, grouped, short};
use super::recorded::{Held, Root};
use std::fmt::Write;

/// Chains that are drawn, and blocks on the way of each.
const CHAINS_MAX: usize = 4;
const WAY_MAX: usize = 3;

/// The chains below the root from which they come; nothing where nobody was asked.
pub(super) fn draw(holders: &[Held]) -> String {
    let mut roots: Vec<(&Root, Vec<&Held>)> = Vec::new();
    for held in holders.iter().take(CHAINS_MAX) {
        let Some(root) = held.by.first() else {
            continue;
        };
        match roots
            .iter_mut()
            .find(|(known, _)| words(known) == words(root))
        {
            Some((_, chains)) => chains.push(held),
            None => roots.push((root, vec![held])),
        }
    }
    if roots.is_empty() {
        return String::new();
    }
    let mut drawn = "<figure class=\"holders\">\n".to_owned();
    for (root, chains) in roots {
        let _ = writeln!(
            drawn,
            "<div class=\"held {}\"><p class=\"root\">{}</p>\n<ul>",
            Escaped(&root.root),
            words(root)
        );
        for held in chains {
            chain(held, &mut drawn);
        }
        drawn.push_str("</ul></div>\n");
    }
    drawn.push_str(
        "<figcaption>Who holds it. A box is a block, named for the function that made it; an arrow is a pointer.</figcaption>\n</figure>\n",
    );
    drawn
}

fn chain(held: &Held, drawn: &mut String) {
    drawn.push_str("<li><ol class=\"chain\">\n");
    if let Some(queue) = &held.queue {
        let _ = writeln!(drawn, "<li>a queue: <code>{}</code></li>", Escaped(queue));
    }
    if held.through.len() > WAY_MAX {
        drawn.push_str("<li>more blocks</li>\n");
    }
    // The nearest stands last, beside what it holds.
    for function in held.through.iter().take(WAY_MAX).rev() {
        let _ = writeln!(drawn, "<li>{}</li>", named(function));
    }
    let most = held.by.first().map_or(0, |root| root.blocks);
    let share = if most >= held.blocks {
        format!("{} blocks", grouped(held.blocks))
    } else {
        format!("{} of {} blocks", grouped(most), grouped(held.blocks))
    };
    let _ = writeln!(
        drawn,
        "<li class=\"kept\"><b>{share}</b> {}</li>\n</ol></li>",
        named(&held.site)
    );
}

/// A function's short name, with the whole one for who asks.
fn named(function: &str) -> String {
    format!(
        "<code title=\"{}\">{}</code>",
        Escaped(function),
        Escaped(&short(function))
    )
}

/// A root in words.
pub(super) fn words(root: &Root) -> String {
    match (root.root.as_str(), &root.name) {
        ("static", Some(name)) if !name.is_empty() => {
            format!("the static <code>{}</code>", Escaped(name))
        }
        ("static", _) => "a static".to_owned(),
        ("thread", _) => "a variable of a thread".to_owned(),
        ("task", _) => "a task that waits".to_owned(),
        ("runtime", _) => "the async runtime".to_owned(),
        ("cycle", _) => "only blocks that hold each other".to_owned(),
        ("nothing", _) => "nothing: no pointer leads there".to_owned(),
        _ => "memory of which nothing is known".to_owned(),
    }
}
