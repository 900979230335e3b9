//! How often allocations are sampled, and the request to change it.

use super::answers::{self, Refusal};
use crate::allocator;
use crate::model::words::grouped;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

/// Each sampled block has a page of its own: at a shorter interval a service would be all pages.
const LEAST: usize = 4_096;

/// A gibibyte. What is sampled more rarely tells nothing.
const MOST: usize = 1 << 30;

pub(super) async fn tell() -> Result<Response, Refusal> {
    is_profiled()?;
    Ok(answers::text(format!("{}\n", now())))
}

/// What was sampled before keeps its weight, so profiles stay right.
pub(super) async fn change(RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    is_profiled()?;
    let query = query.unwrap_or_default();
    let interval = query
        .strip_prefix("interval=")
        .and_then(|bytes| bytes.parse().ok());
    let Some(interval) = interval.filter(|bytes| (LEAST..=MOST).contains(bytes)) else {
        let text = format!(
            "{query}: what can be asked for is interval=BYTES, from {} to {}",
            grouped(LEAST.cast_signed() as i64),
            grouped(MOST.cast_signed() as i64)
        );
        return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
    };
    let before = now();
    allocator::set_sampling_interval(Some(interval));
    Ok(answers::text(format!("{}\nbefore: {before}\n", now())))
}

fn is_profiled() -> Result<(), Refusal> {
    if allocator::is_in_use() {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::NOT_IMPLEMENTED,
        "this program's allocator samples nothing; declare a detectors::ProfilingAllocator as its #[global_allocator]",
    ))
}

fn now() -> String {
    allocator::sampling_interval().map_or_else(
        || "nothing is sampled".to_owned(),
        |interval| {
            let bytes = grouped(interval.cast_signed() as i64);
            format!("one sample in {bytes} bytes, on average")
        },
    )
}
