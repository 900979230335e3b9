//! The command line: the commands' names, and the help that says when to use each. What a command takes stands with the command.

#[cfg(feature = "whole")]
mod learner;
mod operator;
#[cfg(feature = "whole")]
mod story;

#[cfg(feature = "whole")]
pub(crate) use learner::Learner;
pub(crate) use operator::Operator;
#[cfg(feature = "whole")]
pub(crate) use story::Story;

use clap::{Parser, Subcommand};

#[cfg(feature = "whole")]
const NEXT: &str = "Type `leaks` alone to see where you are and what is next.\n\
    Through cargo, put `cargo run --` in front: cargo run -- run retained-subslices\n\n";

#[cfg(not(feature = "whole"))]
const NEXT: &str = "This is the portable build: what an operator needs. Chapters, exercises and the story's service are in the workbook.\n\n";

/// The Leak Workbook: watch memory leak, find the line, mend it, prove it.
#[derive(Debug, Parser)]
#[command(
    name = "leaks",
    version,
    disable_help_subcommand = true,
    after_help = format!(
        "{NEXT}Status: 0 did what was asked, 1 the verdict is not the wanted one, 2 bad usage or input."
    )
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The commands by the part of the house that does them. The help lists them in the order in which a reader meets them: a
/// `display_order` stands where that is another one.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[cfg(feature = "whole")]
    #[command(flatten)]
    Learner(Learner),

    #[command(flatten)]
    Operator(Operator),

    #[cfg(feature = "whole")]
    #[command(flatten)]
    Story(Story),
}

#[cfg(all(test, feature = "whole"))]
mod tests {
    use super::Cli;
    use clap::CommandFactory;
    use std::any::TypeId;
    use std::time::Duration;

    /// Each option that takes a duration: its command, its name and where its value is.
    fn durations() -> Vec<[String; 3]> {
        let cli = Cli::command();
        let mut found = Vec::new();
        for command in cli.get_subcommands() {
            for argument in command.get_arguments() {
                let is_one = argument.get_value_parser().type_id() == TypeId::of::<Duration>();
                let names = argument.get_value_names().unwrap_or_default();
                let reads_so = |name| ["TIME", "SECONDS"].contains(&name);
                if is_one || names.iter().any(|name| reads_so(name.as_str())) {
                    let long = argument.get_long().unwrap_or_default();
                    found.push(
                        [command.get_name(), long, argument.get_id().as_str()].map(str::to_owned),
                    );
                }
            }
        }
        found
    }

    #[test]
    fn every_duration_is_typed_in_one_form() {
        let found = durations();
        let names: Vec<_> = found
            .iter()
            .map(|[command, name, _]| format!("{command} --{name}"))
            .collect();
        assert_eq!(
            names,
            [
                "load --for",
                "load --within",
                "triage --for",
                "serve --within",
                "serve --keep-every"
            ]
        );
        for [command, name, id] in &found {
            let typed = |text: &str| {
                let subject = match command.as_str() {
                    "triage" => Some("--pid=1"),
                    "serve" => Some("--keep-profiles=kept"),
                    _ => None,
                };
                let option = format!("--{name}={text}");
                let line = ["leaks", command, &option].into_iter().chain(subject);
                Cli::command().try_get_matches_from(line)
            };
            for (text, milliseconds) in [("500ms", 500), ("1m 30s", 90_000), ("10s", 10_000)] {
                let matches = typed(text).unwrap_or_else(|error| panic!("{command}: {error}"));
                let of_command = matches.subcommand_matches(command).expect("it was typed");
                let read = of_command.get_one::<Duration>(id);
                assert_eq!(
                    read,
                    Some(&Duration::from_millis(milliseconds)),
                    "{command} --{name}={text}"
                );
            }
            for wrong in ["", "10", "soon", "0s", "-1s", "1s2", "25h"] {
                let error = typed(wrong).expect_err(wrong);
                let told = error.to_string();
                assert_eq!(error.exit_code(), 2, "{told}");
                assert!(told.contains(&format!("'{wrong}'")), "{told}");
                assert!(told.contains("write 500ms, 10s or 1m 30s"), "{told}");
            }
        }
    }
}
