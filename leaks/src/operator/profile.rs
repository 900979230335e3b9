//! `leaks top`, `list-source`, `diff`, `flamegraph` and `graph`: any profile, read.

use crate::show::{Format, json};
use clap::Args;
use detectors::Profile;
use detectors::profile::{
    FlamegraphOptions, FlamegraphStyle, ProfileError, SourcePaths, TopOptions,
};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use workbook::problem::{Problem, Result};
use workbook::workspace::Workspace;
use workbook::{Ending, files, say};

/// Which profile, and which of its values.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are the help's text, which shows backticks as they are"
)]
pub(crate) struct Select {
    /// A profile in pprof's format, or as text of Go's (?debug=1), gperftools' or jemalloc's
    pub(crate) file: PathBuf,
    /// Show only what is more or less than in this profile
    #[arg(long, value_name = "FILE")]
    pub(crate) base: Option<PathBuf>,
    /// Which values: inuse_space, inuse_objects, alloc_space, alloc_objects [default: the profile's own choice]
    #[arg(long, value_name = "TYPE")]
    pub(crate) sample_type: Option<String>,
}

/// Which part of the profile.
#[derive(Debug, Args)]
pub(crate) struct Part {
    /// Only what was allocated below a function that matches; its source file or its program's file may match as well
    #[arg(long, value_name = "REGEX")]
    pub(crate) focus: Option<String>,
    /// Leave out what was allocated below a function that matches
    #[arg(long, value_name = "REGEX")]
    pub(crate) ignore: Option<String>,
    /// Only what has this label with a value that matches, such as tenant=acme
    #[arg(long, value_name = "KEY=REGEX", value_parser = label)]
    pub(crate) label: Option<(String, String)>,
}

fn label(text: &str) -> std::result::Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
    let (key, value) = pair.ok_or(
        "give the label's name and a regular expression for its value, such as tenant=acme",
    )?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Which frames of a Rust program.
#[derive(Debug, Args)]
pub(crate) struct Frames {
    /// Show the frames of Rust's standard library and of the allocator too, which count as their callers' otherwise
    #[arg(long)]
    pub(crate) all_frames: bool,
}

impl Frames {
    fn of(&self, profile: Profile) -> Profile {
        if self.all_frames {
            profile
        } else {
            profile.without_standard_library()
        }
    }
}

/// Which rows, and in which order.
#[derive(Debug, Args)]
pub(crate) struct Rows {
    #[command(flatten)]
    pub(crate) part: Part,
    #[command(flatten)]
    pub(crate) frames: Frames,
    /// Sort by cum: what a function and all that it called allocated, and not what it allocated itself
    #[arg(long)]
    pub(crate) cum: bool,
    /// At most this many functions
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Instead: each function that matches, between who called it and what it called
    #[arg(long, value_name = "REGEX", conflicts_with_all = ["cum", "limit"])]
    pub(crate) peek: Option<String>,
    /// Instead: each label that the service set, such as a route or a tenant, with how much each of its values stands for
    #[arg(long, conflicts_with_all = ["cum", "limit", "peek"])]
    pub(crate) labels: bool,
}

/// What `leaks top` takes.
#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    pub(crate) select: Select,
    #[command(flatten)]
    pub(crate) rows: Rows,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// What `leaks list-source` takes.
#[derive(Debug, Args)]
pub(crate) struct ListSourceArgs {
    #[command(flatten)]
    pub(crate) select: Select,
    /// A regular expression for the functions' names
    pub(crate) regex: String,
    /// Look for source files below this folder too; may be given again
    #[arg(long, value_name = "DIR")]
    pub(crate) source_root: Vec<PathBuf>,
}

/// What `leaks diff` takes.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are the help's text, which shows backticks as they are"
)]
pub(crate) struct DiffArgs {
    /// The later profile
    pub(crate) file: PathBuf,
    /// The earlier profile
    #[arg(long, value_name = "FILE")]
    pub(crate) base: PathBuf,
    /// Which values: inuse_space, inuse_objects, alloc_space, alloc_objects [default: the profile's own choice]
    #[arg(long, value_name = "TYPE")]
    pub(crate) sample_type: Option<String>,
    #[command(flatten)]
    pub(crate) rows: Rows,
    /// Keep the difference as a profile in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// What `leaks flamegraph` takes.
#[derive(Debug, Args)]
pub(crate) struct FlamegraphArgs {
    #[command(flatten)]
    pub(crate) select: Select,
    #[command(flatten)]
    pub(crate) part: Part,
    /// The picture's file; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "flamegraph.svg")]
    pub(crate) out: PathBuf,
    /// The picture's heading
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Markup to put into a page, which takes the page's colours, instead of a file of its own
    #[arg(long)]
    pub(crate) inline: bool,
}

/// What `leaks graph` takes.
#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    pub(crate) select: Select,
    #[command(flatten)]
    pub(crate) part: Part,
    #[command(flatten)]
    pub(crate) frames: Frames,
    /// The picture's file: .svg, .png or .pdf by graphviz, or its language alone as .dot; `-` is that on standard output
    #[arg(long, short, value_name = "FILE", default_value = "graph.svg")]
    pub(crate) out: PathBuf,
}

/// `leaks top`: the functions with the largest share.
pub(crate) fn top(args: &TopArgs, out: &mut dyn Write) -> Result<Ending> {
    let profile = selected(&args.select)?;
    print_top(profile, &args.select, &args.rows, args.format, out)
}

/// `leaks diff`: the functions whose share changed most.
pub(crate) fn diff(args: &DiffArgs, out: &mut dyn Write) -> Result<Ending> {
    let select = Select {
        file: args.file.clone(),
        base: Some(args.base.clone()),
        sample_type: args.sample_type.clone(),
    };
    let difference = selected(&select)?;
    if let Some(path) = &args.out {
        files::write(path, &difference.to_bytes())?;
        workbook::note!(format!("The difference is kept in {}", say::path(path)));
    }
    print_top(difference, &select, &args.rows, args.format, out)
}

/// `leaks list-source`: the source, each line with what it allocated.
pub(crate) fn list_source(args: &ListSourceArgs, out: &mut dyn Write) -> Result<Ending> {
    let profile = selected(&args.select)?;
    let mut roots = args.source_root.clone();
    // A profile of this workbook, made on another machine, still finds its sources here.
    roots.extend(Workspace::find().map(|workspace| workspace.root));
    let sources = SourcePaths::new(roots);
    let listing = profile
        .list(args.select.sample_type.as_deref(), &args.regex, &sources)
        .map_err(unreadable)?;
    write!(out, "{listing}")?;
    Ok(Ending::AsWanted)
}

/// `leaks flamegraph`: the whole profile as one picture.
pub(crate) fn flamegraph(args: &FlamegraphArgs, out: &mut dyn Write) -> Result<Ending> {
    let profile = part(selected(&args.select)?, &args.part)?;
    let mut options = FlamegraphOptions::default();
    options.sample_type.clone_from(&args.select.sample_type);
    options.title.clone_from(&args.title);
    if args.inline {
        options.style = FlamegraphStyle::Inline;
    }
    let svg = profile.flamegraph(&options).map_err(unreadable)?;
    if args.out == Path::new("-") {
        out.write_all(svg.as_bytes())?;
    } else {
        files::write(&args.out, svg.as_bytes())?;
        writeln!(out, "The flame graph is in {}", say::path(&args.out))?;
    }
    Ok(Ending::AsWanted)
}

/// `leaks graph`: who calls whom, as a picture.
pub(crate) fn graph(args: &GraphArgs, out: &mut dyn Write) -> Result<Ending> {
    let profile = args.frames.of(part(selected(&args.select)?, &args.part)?);
    let sample_type = args.select.sample_type.as_deref();
    let dot = profile.call_graph(sample_type).map_err(unreadable)?;
    if args.out == Path::new("-") {
        out.write_all(dot.as_bytes())?;
        return Ok(Ending::AsWanted);
    }
    let extension = args.out.extension().and_then(|text| text.to_str());
    let picture = match extension {
        Some("dot" | "gv") => dot.into_bytes(),
        Some(format @ ("svg" | "png" | "pdf")) => drawn(&dot, format)?,
        _ => {
            return Err(Problem::new(format!(
                "can't tell what {} is to be: end its name in .svg, .png, .pdf or .dot",
                say::path(&args.out)
            )));
        }
    };
    files::write(&args.out, &picture)?;
    writeln!(out, "The call graph is in {}", say::path(&args.out))?;
    Ok(Ending::AsWanted)
}

/// The picture that graphviz makes.
fn drawn(dot: &str, format: &str) -> Result<Vec<u8>> {
    let mut graphviz = Command::new("dot")
        .arg(format!("-T{format}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            Problem::new(format!(
                "can't run dot, which draws the picture ({error}): install graphviz (apt install graphviz, brew install graphviz), \
                 or keep its language with --out graph.dot and draw it elsewhere"
            ))
        })?;
    // It reads all before it writes, so that neither waits for the other. That it stopped early is told by how it ended.
    if let Some(mut input) = graphviz.stdin.take() {
        let _ = input.write_all(dot.as_bytes());
    }
    let output = graphviz.wait_with_output()?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        let told = told.trim();
        return Err(Problem::new(format!(
            "dot, which draws the picture, failed ({}): {told}; keep its language with --out graph.dot",
            output.status
        )));
    }
    Ok(output.stdout)
}

/// The profile that was asked for, less its base where one is given.
fn selected(select: &Select) -> Result<Profile> {
    let profile = Profile::read(&select.file).map_err(unreadable)?;
    match &select.base {
        None => Ok(profile),
        Some(base) => {
            let base = Profile::read(base).map_err(unreadable)?;
            profile.diff(&base).map_err(unreadable)
        }
    }
}

/// The part of a profile that was asked for.
fn part(mut profile: Profile, part: &Part) -> Result<Profile> {
    if let Some(focus) = &part.focus {
        profile = profile.focus(focus).map_err(unreadable)?;
    }
    if let Some(ignore) = &part.ignore {
        profile = profile.ignore(ignore).map_err(unreadable)?;
    }
    if let Some((key, value)) = &part.label {
        profile = profile.labelled(key, value).map_err(unreadable)?;
    }
    Ok(profile)
}

fn print_top(
    profile: Profile,
    select: &Select,
    rows: &Rows,
    format: Format,
    out: &mut dyn Write,
) -> Result<Ending> {
    if profile.is_empty() {
        workbook::note!(
            "No samples: nothing had been seen when the profile was taken. Give the program some work and take it again; a heap is \
             sampled once in 512 KiB unless the program says otherwise.",
        );
    }
    let whole = part(profile, &rows.part)?;
    let profile = rows.frames.of(whole.clone());
    let sample_type = select.sample_type.as_deref();
    if rows.labels {
        let labels = profile.by_label(sample_type).map_err(unreadable)?;
        match format {
            Format::Text => write!(out, "{labels}")?,
            Format::Json => json(&labels, out)?,
        }
        return Ok(Ending::AsWanted);
    }
    if let Some(pattern) = &rows.peek {
        // Whoever asks for a function of the standard library wants to see it.
        let peek = profile
            .peek(sample_type, pattern)
            .or_else(|_| whole.peek(sample_type, pattern))
            .map_err(unreadable)?;
        match format {
            Format::Text => write!(out, "{peek}")?,
            Format::Json => json(&peek, out)?,
        }
        return Ok(Ending::AsWanted);
    }
    let mut options = TopOptions::default();
    options.rows_max = rows.limit;
    options.by_cum = rows.cum;
    let top = profile
        .top_with(sample_type, &options)
        .map_err(unreadable)?;
    match format {
        Format::Text => write!(out, "{top}")?,
        Format::Json => json(&top, out)?,
    }
    Ok(Ending::AsWanted)
}

/// A profile's errors already name the input, the reason and the next step.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that `map_err` takes"
)]
fn unreadable(error: ProfileError) -> Problem {
    Problem::new(error.to_string())
}
