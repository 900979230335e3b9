//! Markup, as a page of Markdown takes it.

use std::fmt::{self, Write};

/// Text between tags or in an attribute.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                // An include is put in wherever it stands.
                '{' => f.write_str("&#123;")?,
                _ => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

/// Markup as one block of Markdown, which ends at the first empty line.
pub(super) fn one_block(markup: &str) -> String {
    let mut block = String::with_capacity(markup.len());
    for line in markup.trim_end().lines() {
        if line.trim().is_empty() {
            block.push_str("&#10;");
        } else {
            block.push_str(line);
            block.push('\n');
        }
    }
    block.pop();
    block
}

/// A count of bytes as a person reads it.
pub(super) fn bytes(count: f64) -> String {
    let mut value = count;
    let mut unit = "bytes";
    for larger in ["KiB", "MiB", "GiB"] {
        if value.abs() < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    if value.fract() == 0.0 || value.abs() >= 100.0 {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.1} {unit}")
    }
}

/// A whole number in groups of three.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A function's name in little room: its last two parts, without type arguments.
pub(super) fn short(function: &str) -> String {
    let name = function.split(", and ").next().unwrap_or(function);
    let name = plain(name.split(" (").next().unwrap_or(name));
    let parts: Vec<&str> = name.split("::").filter(|part| !part.is_empty()).collect();
    // A closure is named with the function that it stands in.
    let closures = parts.iter().rev().take_while(|part| part.starts_with("{{"));
    let from = parts.len().saturating_sub(2 + closures.count());
    parts[from..].join("::")
}

/// `<a::B<T> as c::D>::e` as `a::B::e`, and `a::<impl c::D for b::B>::e` as `a::e`.
fn plain(name: &str) -> String {
    let mut kept = String::with_capacity(name.len());
    let (mut depth, mut before) = (0_usize, ' ');
    for letter in name.chars() {
        match letter {
            '<' => depth += 1,
            '>' if before != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(letter),
            _ => {}
        }
        before = letter;
    }
    match name.strip_prefix('<') {
        Some(inner) => {
            let of = inner.split(" as ").next().unwrap_or(inner);
            let of = of.trim_start_matches('&').trim_start_matches("mut ");
            plain(of) + &kept
        }
        None => kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_has_no_empty_line_and_keeps_those_of_its_text() {
        assert_eq!(
            one_block("<pre>a\n\n\nb</pre>\n"),
            "<pre>a\n&#10;&#10;b</pre>"
        );
        assert_eq!(one_block("<p>\n<b>\n"), "<p>\n<b>");
    }

    #[test]
    fn figures_and_names_are_short() {
        assert_eq!(bytes(805.3), "805 bytes");
        assert_eq!(bytes(13_417.0), "13.1 KiB");
        assert_eq!(bytes(2048.0), "2 KiB");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(
            short("a::b::C::d::{{closure}} (x.rs:3)"),
            "C::d::{{closure}}"
        );
        assert_eq!(short("main"), "main");
        assert_eq!(
            short("<&mut a::de::Map<R> as b::MapAccess>::next, and 2 calls within a"),
            "Map::next"
        );
        assert_eq!(short("a::de::<impl b::D for a::V>::de<T>"), "de::de");
    }
}
