//! Nothing around a drill's process tells what it is about.

use crate::playing::Playing;
use crate::served::Answer;
use detectors::Class;
use object::{Object, ObjectSymbol};
use std::fs;

/// The names of the classes as code, types and words have them, and what else would give it away.
fn words() -> Vec<String> {
    let mut words = Vec::new();
    for class in Class::ALL {
        let name = class.as_str();
        words.extend([
            name.to_owned(),
            name.replace('-', "_"),
            name.replace('-', ""),
            name.replace('-', " "),
        ]);
    }
    words.extend(["leaky", "drill", "culprit", "answer_sheet"].map(str::to_owned));
    words
}

fn tells(what: &str, text: &str) {
    let small = text.to_lowercase();
    for word in words() {
        let at = small.find(&word);
        let around = at.map(|at| {
            &text[text.floor_char_boundary(at.saturating_sub(60))
                ..text.ceil_char_boundary((at + 60).min(text.len()))]
        });
        assert_eq!(around, None, "{what} says {word}");
    }
}

/// Arguments, environment, names, symbols, stacks, profiles and metrics.
pub(crate) fn nothing_tells(playing: &Playing) {
    let process = format!("/proc/{}", playing.process);
    let read = |name: &str| {
        String::from_utf8_lossy(&fs::read(format!("{process}/{name}")).expect("readable"))
            .replace('\0', " ")
    };
    assert_eq!(read("environ").trim(), "", "no environment at all");
    let arguments = read("cmdline");
    assert_eq!(arguments.split_whitespace().count(), 1, "{arguments}");
    let root = playing.workbook.path("").display().to_string();
    let in_root = |text: &str| text.replace(root.trim_end_matches('/'), "");
    tells(
        "the command line",
        &in_root(arguments.rsplit('/').next().unwrap_or_default()),
    );
    tells("the name", &read("comm"));
    for task in fs::read_dir(format!("{process}/task"))
        .expect("threads")
        .flatten()
    {
        tells(
            "a thread",
            &fs::read_to_string(task.path().join("comm")).unwrap_or_default(),
        );
    }
    for name in [
        "heap",
        "allocs",
        "tasks",
        "threadcreate",
        "descriptors",
        "sockets",
        "block",
        "mutex",
    ] {
        let text = playing.get_text(&format!("/debug/pprof/{name}?debug=1"));
        tells(name, &in_root(&text));
        let profile =
            detectors::Profile::from_bytes(name, &playing.get(&format!("/debug/pprof/{name}")))
                .expect("a profile");
        for stack in profile.stacks() {
            for frame in stack.frames {
                tells(name, frame.function);
                // Where a library lies says nothing of the service.
                if frame.file.contains("service/src") {
                    tells(
                        name,
                        frame.file.rsplit("service/src").next().unwrap_or_default(),
                    );
                }
            }
        }
    }
    tells("the metrics", &playing.get_text("/metrics"));
    let status = Answer::to(&playing.service, "GET /status", &[]);
    tells("the operators' page", &status.text());
    let program = fs::read(format!("{process}/exe")).expect("readable");
    let program = object::File::parse(&*program).expect("a program");
    let mut symbols = 0;
    for symbol in program.symbols() {
        let name = symbol.name().unwrap_or_default();
        // The library that measures has the classes' words, and says none of them while it withholds.
        if !name.contains("detectors") {
            tells("a symbol", name);
        }
        symbols += 1;
    }
    assert!(
        symbols > 1_000,
        "{symbols} symbols: a program without names proves nothing"
    );
    for path in ["/holders?seconds=1", "/tables"] {
        let method = if path == "/tables" { "GET" } else { "POST" };
        let answer = Answer::to(&playing.debug, &format!("{method} {path}"), &[]);
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
        assert!(answer.text().contains("withheld"), "{}", answer.text());
    }
    for subject in [
        ["--url", &format!("http://{}", playing.debug)],
        ["--pid", &playing.process.to_string()],
    ] {
        let ran = playing
            .workbook
            .leaks([&["triage", "--for", "3s", "--format", "json"][..], &subject].concat());
        let told = ran.exits(0).json();
        assert_eq!(told["is_withheld"], true, "{told}");
        assert!(told["class"].is_null(), "{told}");
        assert!(!told.to_string().contains(".rs:"), "{told}");
    }
}
