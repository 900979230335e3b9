//! What each value of each label stands for: by request, by tenant, by task.

use std::collections::BTreeMap;
use std::fmt;

use regex_lite::Regex;
use serde::Serialize;

use super::narrow::{regex, remember};
use super::units::{Amounts, percent, percentage};
use super::{Printable, Profile, ProfileError, SampleType, diff, protos};

/// The labels of a profile, each with its values and their amounts. Go's tool calls them tags.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ByLabel {
    /// What the amounts are.
    pub sample_type: SampleType,
    /// By what the profile was narrowed: `label=tenant=acme`.
    pub filters: Vec<String>,
    /// What shares are taken of: the amounts of all samples, or in a diff those of the base's.
    pub total: i64,
    /// The labels, by name. None where no sample has one.
    pub labels: Vec<LabelRows>,
    #[serde(skip)]
    amounts: Amounts,
}

/// One label of a [`ByLabel`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LabelRows {
    /// Its name: `tenant`.
    pub key: String,
    /// Its values, the largest amount first.
    pub values: Vec<LabelRow>,
    /// The amount of the samples without this label, in the sample type's unit.
    pub without: i64,
}

/// One value of a label.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LabelRow {
    /// The value: `acme`. A number has its unit: `4kB`.
    pub value: String,
    /// The amount of the samples that have it, in the sample type's unit. A sample that has several values counts for each.
    pub amount: i64,
    /// The same as a share of the total, in per cent.
    pub percent: f64,
}

pub(super) fn by_label(profile: &Profile, index: usize) -> ByLabel {
    let total = profile.reference_total(index);
    let mut by_key: BTreeMap<String, (BTreeMap<String, i64>, i64)> = BTreeMap::new();
    let mut all: i64 = 0;
    for sample in &profile.message.sample {
        let amount = sample.value[index];
        all = all.saturating_add(amount);
        let mut counted: Vec<&str> = Vec::new();
        for label in own_labels(profile, sample) {
            let key = profile.text(label.key);
            let (values, with) = by_key.entry(key.to_owned()).or_default();
            let sum = values.entry(value_of(profile, label)).or_default();
            *sum = sum.saturating_add(amount);
            if !counted.contains(&key) {
                counted.push(key);
                *with = with.saturating_add(amount);
            }
        }
    }
    let labels = by_key.into_iter().map(|(key, (values, with))| {
        let mut values: Vec<LabelRow> = values
            .into_iter()
            .map(|(value, amount)| LabelRow {
                value,
                amount,
                percent: percent(amount, total),
            })
            .collect();
        // A stable sort: equal amounts stay in the order of their values.
        values.sort_by_key(|value| std::cmp::Reverse(value.amount.unsigned_abs()));
        LabelRows {
            key,
            values,
            without: all.saturating_sub(with),
        }
    });
    let labels: Vec<LabelRows> = labels.collect();
    let sample_type = profile.sample_types().swap_remove(index);
    ByLabel {
        amounts: Amounts::each(&sample_type.unit),
        sample_type,
        filters: profile.narrowed.filters.clone(),
        total,
        labels,
    }
}

/// The samples that have the label with a value that matches.
pub(super) fn labelled(
    mut profile: Profile,
    key: &str,
    pattern: &str,
) -> Result<Profile, ProfileError> {
    let regex = regex(pattern)?;
    let bears = |sample: &protos::Sample| has(&profile, sample, key, &regex);
    let kept: Vec<bool> = profile.message.sample.iter().map(bears).collect();
    if !profile.is_empty() && !kept.contains(&true) {
        return Err(no_label(&profile, key, pattern));
    }
    remember(&mut profile, format!("label={key}={pattern}"));
    let mut kept = kept.into_iter();
    let samples = &mut profile.message.sample;
    samples.retain(|_| kept.next().unwrap_or(false));
    Ok(profile)
}

fn has(profile: &Profile, sample: &protos::Sample, key: &str, regex: &Regex) -> bool {
    own_labels(profile, sample)
        .any(|label| profile.text(label.key) == key && regex.is_match(&value_of(profile, label)))
}

/// The labels that the program gave; the mark of a diff's base is none.
fn own_labels<'p>(
    profile: &'p Profile,
    sample: &'p protos::Sample,
) -> impl Iterator<Item = &'p protos::Label> {
    let labels = sample.label.iter();
    labels.filter(|label| profile.text(label.key) != diff::BASE_LABEL.0)
}

fn value_of(profile: &Profile, label: &protos::Label) -> String {
    let text = profile.text(label.str);
    if !text.is_empty() {
        return text.to_owned();
    }
    let unit = profile.text(label.num_unit);
    // As Go reads its own: a number without a unit, and with this name, is of bytes.
    let unit = match profile.text(label.key) {
        "request" | "alignment" | "bytes" if unit.is_empty() => "bytes",
        _ => unit,
    };
    Amounts::each(unit).format(label.num)
}

/// Says which labels and values there are.
fn no_label(profile: &Profile, key: &str, pattern: &str) -> ProfileError {
    const NAMED_MAX: usize = 5;
    let all = by_label(profile, profile.default_index()).labels;
    let of_key = all.iter().find(|label| label.key == key);
    let known: Vec<String> = match of_key {
        Some(label) => {
            let values = label.values.iter().take(NAMED_MAX);
            values
                .map(|value| format!("{key}={}", value.value))
                .collect()
        }
        None => all.into_iter().map(|label| label.key).collect(),
    };
    ProfileError::NoLabel {
        input: profile.name.clone(),
        wanted: format!("{key}={pattern}"),
        known,
    }
}

impl fmt::Display for ByLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Type: {}", Printable(&self.sample_type.name))?;
        for filter in &self.filters {
            writeln!(f, "Only: {}", Printable(filter))?;
        }
        writeln!(f, "Total: {}", self.amounts.format(self.total))?;
        if self.labels.is_empty() {
            writeln!(
                f,
                "\nNo sample has a label: nothing was allocated while the program had set one, or the program sets none"
            )?;
        }
        let row = |f: &mut fmt::Formatter<'_>, amount: i64, what: &dyn fmt::Display| {
            let share = percentage(amount, self.total);
            writeln!(f, "{:>10} {share}  {what}", self.amounts.format(amount))
        };
        for LabelRows {
            key,
            values,
            without,
        } in &self.labels
        {
            writeln!(f, "\n{}", Printable(key))?;
            for LabelRow { value, amount, .. } in values {
                row(f, *amount, &Printable(value))?;
            }
            if *without != 0 {
                row(f, *without, &"(without this label)")?;
            }
        }
        Ok(())
    }
}
