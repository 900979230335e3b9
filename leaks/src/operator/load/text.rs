//! What a load did, for a person.

use crate::load::{Failed, Load, Percentiles, Report, Requests};
use crate::show::scale;
use std::io::Write;
use workbook::problem::Result;
use workbook::say::{BOLD, DIM};

/// Each load, and whether all of them came to their end.
pub(super) fn print(report: &Report, out: &mut dyn Write) -> Result<()> {
    let of = report.pattern.split('/').count().div_ceil(2);
    for (number, load) in (1..).zip(&report.loads) {
        let which = if of == 1 {
            String::new()
        } else {
            format!(" {number} of {of}")
        };
        write!(
            out,
            "{BOLD}Load{which}:{BOLD:#} {:.1} s, ",
            load.lasted_seconds
        )?;
        match report.rate {
            None => writeln!(
                out,
                "{} at once, each client asks again when it is answered",
                report.at_once
            )?,
            Some(rate) => writeln!(
                out,
                "{rate} due each second, {} at once; latency counts from when a request was due",
                report.at_once
            )?,
        }
        print_load(load, out)?;
    }
    if report.was_cut_short {
        writeln!(out, "It was ended early: these are the figures until then.")?;
    } else if report.begins_left() == 0 {
        writeln!(
            out,
            "It ended at {} requests, the most that were to begin.",
            report.count_max
        )?;
    }
    Ok(())
}

/// One load: an answer of each kind in a line, and what went wrong below.
fn print_load(load: &Load, out: &mut dyn Write) -> Result<()> {
    let columns = ["p50", "p90", "p99", "p99.9", "max"]
        .map(|name| format!("{name:>9}"))
        .concat();
    writeln!(
        out,
        "  {DIM}{:<18}{:>10}{columns}   in ms{DIM:#}",
        "answer", "requests"
    )?;
    print_requests(&load.ok, "200", true, out)?;
    print_requests(&load.overloaded, "503, overloaded", false, out)?;
    print_requests(&load.other, "other status", false, out)?;
    print_requests(&load.unanswered, "cut off", false, out)?;
    print_requests(&load.unsent, "due, never sent", false, out)?;
    if load.without_retry_after > 0 {
        writeln!(
            out,
            "  503 without Retry-After, so a client can't know when to come again: {}",
            load.without_retry_after
        )?;
    }
    for (status, requests) in &load.other_statuses {
        writeln!(out, "  status {status}: {requests}")?;
    }
    for Failed {
        reason,
        requests,
        example,
    } in &load.failed
    {
        writeln!(out, "  failed, {reason}: {requests} ({example})")?;
    }
    writeln!(
        out,
        "  {:.1} answers a second, {} of bodies\n",
        load.answered_per_second,
        scale::bytes(load.body_bytes as f64)
    )?;
    Ok(())
}

fn print_requests(
    requests: &Requests,
    name: &str,
    even_if_none: bool,
    out: &mut dyn Write,
) -> Result<()> {
    if requests.requests == 0 && !even_if_none {
        return Ok(());
    }
    write!(out, "  {name:<18}{:>10}", requests.requests)?;
    if let Some(Percentiles {
        p50,
        p90,
        p99,
        p99_9,
        max,
    }) = requests.latency_ms
    {
        for value in [p50, p90, p99, p99_9, max] {
            write!(out, "{value:>9.1}")?;
        }
    }
    writeln!(out)?;
    Ok(())
}
