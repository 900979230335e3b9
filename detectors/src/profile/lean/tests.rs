//! That a batch gives the frames that `backtrace` gives, for every kind of code in this test's program.

use std::collections::{BTreeSet, HashMap};

use super::super::symbols::resolve_here;
use super::*;

/// Return addresses at a fixed distance over all of this program's code.
fn swept(step: usize) -> Vec<usize> {
    let program = std::env::current_exe().expect("a program has a path");
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the kernel tells of the maps");
    let mut addresses = Vec::new();
    for line in maps.lines() {
        let is_code = line.contains(" r-xp ") && line.ends_with(&*program.to_string_lossy());
        let range = line
            .split(' ')
            .next()
            .and_then(|range| range.split_once('-'));
        if let (true, Some((start, end))) = (is_code, range) {
            let number = |text| usize::from_str_radix(text, 16).expect("a hexadecimal number");
            addresses.extend((number(start) + 1..number(end)).step_by(step));
        }
    }
    addresses
}

fn stack_here(addresses: &mut BTreeSet<usize>) {
    backtrace::trace(|frame| {
        addresses.insert(frame.ip().addr());
        true
    });
}

type Told = dyn FnOnce(&mut BTreeSet<usize>) + Send;

/// Return addresses of calls that are really made: sorting, hashing, threads, panics, serde and dynamic calls.
fn met() -> Vec<usize> {
    let mut met = BTreeSet::new();
    let mut numbers: Vec<u32> = (0..50).rev().collect();
    numbers.sort_by(|left, right| {
        stack_here(&mut met);
        left.cmp(right)
    });
    numbers
        .iter()
        .map(|number| number % 3)
        .for_each(|_| stack_here(&mut met));
    HashMap::<u32, u32>::new().entry(1).or_insert_with(|| {
        stack_here(&mut met);
        1
    });
    let closure: Box<Told> = Box::new(stack_here);
    let elsewhere = std::thread::spawn(|| {
        let mut met = BTreeSet::new();
        closure(&mut met);
        met
    });
    met.extend(elsewhere.join().expect("nothing there panics"));
    let words = regex_lite::Regex::new(r"[a-z]+").expect("this is a pattern");
    let _replaced = words.replace_all("one two", |captures: &regex_lite::Captures<'_>| {
        stack_here(&mut met);
        captures[0].to_owned()
    });
    let mut tree: std::collections::BTreeMap<u32, u32> = (0..100).map(|n| (n, n)).collect();
    tree.retain(|_, value| {
        stack_here(&mut met);
        *value > 3
    });
    let _place = numbers.binary_search_by(|number| {
        stack_here(&mut met);
        number.cmp(&7)
    });
    std::sync::OnceLock::new().get_or_init(|| stack_here(&mut met));
    std::thread::scope(|threads| threads.spawn(|| stack_here(&mut met)).join())
        .expect("nothing there panics");
    let read: Noted = serde_json::from_str("[1, [2, 3]]").expect("this is JSON");
    met.extend(read.0);
    let _panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _at_the_end = OnDrop(&mut met);
        std::panic::resume_unwind(Box::new(()));
    }));
    met.into_iter().collect()
}

struct OnDrop<'a>(&'a mut BTreeSet<usize>);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        stack_here(self.0);
    }
}

/// Where `serde_json` was when it read something.
struct Noted(BTreeSet<usize>);

impl<'de> serde::Deserialize<'de> for Noted {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Noted;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("numbers and lists of them")
            }

            fn visit_u64<E>(self, _: u64) -> Result<Noted, E> {
                let mut met = BTreeSet::new();
                stack_here(&mut met);
                Ok(Noted(met))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut list: A,
            ) -> Result<Noted, A::Error> {
                let mut met = BTreeSet::new();
                while let Some(Noted(part)) = list.next_element()? {
                    met.extend(part);
                }
                Ok(Noted(met))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Whether both name the same place of the symbol table, where several symbols stand: the compiler merges equal functions.
fn are_aliases(return_address: usize, left: &[SourceFrame], right: &[SourceFrame]) -> bool {
    let ([left], [right]) = (left, right) else {
        return false;
    };
    let modules = modules::holding(&[return_address]);
    let file = File::open(&modules[0].path).expect("it was read before");
    let elf = Elf::parse(&file).expect("it was read before");
    let address = elf
        .address(modules[0].calls[0].in_file)
        .expect("it was found before");
    let names = elf.symbols_beside(address);
    let is_there = |frame: &SourceFrame| frame.file.is_empty() && names.contains(&frame.function);
    is_there(left) && is_there(right)
}

/// Where the two differ, in words.
fn differences(addresses: &[usize]) -> Vec<String> {
    let batch = resolve_all(addresses);
    let mut differences = Vec::new();
    for address in addresses {
        let one = resolve_here(*address as u64);
        match batch.get(address) {
            Some(frames) if *frames == one => {}
            // Before the code, on its first page.
            None if one.is_empty() => {}
            Some(frames) if are_aliases(*address, frames, &one) => {}
            Some(frames) if differs_by_a_type(frames, &one) => {}
            frames => differences.push(format!("{address:#x}\n  {one:#?}\n  {frames:#?}")),
        }
    }
    differences
}

/// Whether only the outermost name differs, and only in what stands before the function: the symbol has its type as well.
fn differs_by_a_type(frames: &[SourceFrame], one: &[SourceFrame]) -> bool {
    let (Some((batch, inlined)), Some((single, others))) = (frames.split_last(), one.split_last())
    else {
        return false;
    };
    let last = |name: &str| {
        let name = name.rsplit("::").next().unwrap_or(name);
        // Debug information has a closure without its number.
        let is_closure = name.starts_with("{closure#");
        let name = if is_closure { "{{closure}}" } else { name };
        sources::without_types(name).to_owned()
    };
    // Types may hold paths, so a bare name is cut first.
    let bare = sources::without_types(&single.function);
    inlined == others
        && (&batch.file, batch.line) == (&single.file, single.line)
        && last(&batch.function) == last(bare)
}

#[test]
fn names_what_backtrace_names_all_over_the_program() {
    let addresses = swept(251);
    assert!(addresses.len() > 4000, "{} addresses", addresses.len());
    let inlined = resolve_all(&addresses)
        .values()
        .filter(|frames| frames.len() > 1)
        .count();
    assert!(inlined > 500, "{inlined} addresses with inlined calls");
    let differences = differences(&addresses);
    assert!(
        differences.is_empty(),
        "{} of {}:\n{}",
        differences.len(),
        addresses.len(),
        differences
            .iter()
            .take(20)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n"),
    );
}

#[test]
fn names_what_backtrace_names_on_real_stacks() {
    let met = met();
    let own: Vec<usize> = resolve_all(&met)
        .into_iter()
        .filter(|(_, frames)| {
            !frames.is_empty() && frames.iter().all(|frame| !frame.file.is_empty())
        })
        .map(|(address, _)| address)
        .collect();
    assert!(own.len() > 30, "{} of {} addresses", own.len(), met.len());
    assert_eq!(differences(&own), Vec::<String>::new());
}

#[test]
fn addresses_of_no_file_are_left_to_others() {
    let on_the_stack = std::hint::black_box(0_u8);
    let batch = resolve_all(&[0, 1, usize::MAX, (&raw const on_the_stack).addr()]);
    assert_eq!(batch, HashMap::new());
}
