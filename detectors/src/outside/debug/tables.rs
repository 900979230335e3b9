//! How full the large hash tables are.

use super::answers::{self, Refusal};
use super::off_the_runtime::PROFILES;
use crate::allocator;
use crate::model::words::{bytes, grouped};
use crate::readings::tables::{self, OfSite};
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;
use std::fmt::Write;

pub(super) async fn tables(RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let as_text = match query.as_deref().unwrap_or_default() {
        "" | "debug=0" => false,
        "debug=1" => true,
        other => {
            let text = format!("{other}: what can be asked for is debug=1");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
        }
    };
    if !allocator::is_in_use() {
        return Err(Refusal::new(
            StatusCode::NOT_IMPLEMENTED,
            "this program's allocator samples no blocks; declare a detectors::ProfilingAllocator as its #[global_allocator]",
        ));
    }
    PROFILES
        .does(move || {
            let unread = |error| Refusal::new(StatusCode::NOT_IMPLEMENTED, error);
            let mut found = tables::now().map_err(unread)?;
            found.sort_by_key(|of_site| std::cmp::Reverse(of_site.bytes));
            if as_text {
                return Ok(answers::text(in_words(&found)));
            }
            let text = serde_json::to_string(&found);
            let failed = |error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error);
            Ok(answers::json(text.map_err(failed)?))
        })
        .await
}

fn in_words(found: &[OfSite]) -> String {
    if found.is_empty() {
        return "no hash table of 256 KiB or more is among the sampled blocks\n".to_owned();
    }
    let mut text = String::new();
    for of_site in found {
        let whole = |figure: u64| grouped(figure.cast_signed());
        let _ = writeln!(
            text,
            "{} in {} of {}: {} entries in {} buckets",
            bytes(of_site.bytes),
            whole(of_site.tables),
            of_site.site,
            whole(of_site.entries),
            whole(of_site.buckets)
        );
    }
    text
}
