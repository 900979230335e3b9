//! Long names in little room.

/// The fullest form of `name` that fits `room` characters: whole, without type arguments, its last
/// two parts, its last one, or a piece of that with an ellipsis. `None` when even that says nothing.
pub(super) fn fitting(name: &str, room: usize) -> Option<String> {
    let plain = without_arguments(name);
    let forms = [name, &plain, last_parts(&plain, 2), last_parts(&plain, 1)];
    let fits = |form: &&&str| !form.is_empty() && form.chars().count() <= room;
    if let Some(form) = forms.iter().find(fits) {
        return Some((*form).to_owned());
    }
    // Two letters and an ellipsis are the least that helps to recognise a name.
    (room >= 3).then(|| {
        last_parts(&plain, 1)
            .chars()
            .take(room - 1)
            .chain(['…'])
            .collect()
    })
}

/// `alloc::vec::Vec<T>::push` as `alloc::vec::Vec::push`, and `<a::B<T> as c::D>::e` as `a::B::e`.
pub(in crate::profile) fn without_arguments(name: &str) -> String {
    if let Some(inner) = name.strip_prefix('<')
        && let Some(end) = closing(inner)
    {
        // The first " as " outside of arguments parts the type from its trait.
        let mut depth = 0_usize;
        let trait_at = inner[..end].char_indices().find(|&(at, character)| {
            match character {
                '<' => depth += 1,
                '>' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && inner[at..end].starts_with(" as ")
        });
        let subject = &inner[..trait_at.map_or(end, |(at, _)| at)];
        return without_arguments(subject) + &without_arguments(&inner[end + 1..]);
    }
    let mut plain = String::with_capacity(name.len());
    let mut depth = 0_usize;
    let mut before = ' ';
    for character in name.chars() {
        match character {
            '<' => depth += 1,
            '>' if before != '-' && depth > 0 => depth -= 1,
            _ if depth == 0 => plain.push(character),
            _ => {}
        }
        before = character;
    }
    // The turbofish of a removed list.
    plain
        .replace("::::", "::")
        .trim_end_matches("::")
        .to_owned()
}

/// Where the bracket that was open before `text` closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1_usize;
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        match character {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
        before = character;
    }
    None
}

/// The last `count` parts of a path, closures counted with the function that they stand in. Go's
/// package paths are parted by slashes.
fn last_parts(name: &str, count: usize) -> &str {
    let tail = name.rsplit_once('/').map_or(name, |(_, tail)| tail);
    let mut starts: Vec<usize> = tail
        .match_indices("::")
        .map(|(at, _)| at + 2)
        .filter(|&at| !tail[at..].starts_with('{'))
        .collect();
    starts.insert(0, 0);
    &tail[starts[starts.len().saturating_sub(count)]..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_the_least_that_makes_them_fit() {
        let name =
            "<alloc::vec::Vec<T,A> as core::iter::Extend<(u8, fn() -> X)>>::extend::{{closure}}";
        for (room, label) in [
            (100, Some(name)),
            (40, Some("alloc::vec::Vec::extend::{{closure}}")),
            (26, Some("Vec::extend::{{closure}}")),
            (20, Some("extend::{{closure}}")),
            (5, Some("exte…")),
            (3, Some("ex…")),
            (2, None),
            (0, None),
        ] {
            assert_eq!(fitting(name, room).as_deref(), label, "{room}");
        }
        assert_eq!(
            fitting("shop::cart::Cart::add::<u8>", 21).as_deref(),
            Some("shop::cart::Cart::add")
        );
        assert_eq!(
            fitting("github.com/a/b/search.(*Index).Add", 21).as_deref(),
            Some("search.(*Index).Add")
        );
        assert_eq!(fitting("<<<", 2), None);
        assert_eq!(fitting("main", 4).as_deref(), Some("main"));
    }
}
