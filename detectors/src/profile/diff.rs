use std::collections::BTreeSet;

use super::protos;

use super::build::Builder;
use super::{Profile, ProfileError};

/// The label by which Go's pprof knows the samples of a diff's base.
pub(super) const BASE_LABEL: (&str, &str) = ("pprof::base", "true");

pub(super) fn diff(profile: &Profile, base: &Profile) -> Result<Profile, ProfileError> {
    if profile.sample_types() != base.sample_types() {
        let types = |profile: &Profile| {
            profile
                .sample_types()
                .iter()
                .map(ToString::to_string)
                .collect()
        };
        return Err(ProfileError::DifferentSampleTypes {
            profile: (profile.name.clone(), types(profile)),
            base: (base.name.clone(), types(base)),
        });
    }
    let mut builder = Builder::new();
    add(&mut builder, profile, false);
    add(&mut builder, base, true);

    // The packages that aren't the program's own among them.
    let comments: BTreeSet<&str> = profile.comments().chain(base.comments()).collect();
    let message = &profile.message;
    let header = protos::Profile {
        sample_type: profile
            .sample_types()
            .iter()
            .map(|ty| builder.value_type(&ty.name, &ty.unit))
            .collect(),
        default_sample_type: builder.string(profile.text(message.default_sample_type)),
        period_type: message
            .period_type
            .as_ref()
            .map(|period| builder.value_type(profile.text(period.ty), profile.text(period.unit))),
        period: message.period,
        time_nanos: message.time_nanos,
        comment: comments
            .into_iter()
            .map(|text| builder.string(text))
            .collect(),
        ..protos::Profile::default()
    };
    let name = format!("{} minus {}", profile.name, base.name);
    let message = builder.finish(header);
    Ok(Profile::new(&name, message))
}

fn add(builder: &mut Builder, profile: &Profile, negated: bool) {
    let message = &profile.message;
    let mappings: Vec<u64> = message
        .mapping
        .iter()
        .map(|mapping| {
            builder.mapping(
                profile.text(mapping.filename),
                profile.text(mapping.build_id),
                mapping,
            )
        })
        .collect();
    let functions: Vec<u64> = message
        .function
        .iter()
        .map(|function| {
            builder.function(
                profile.text(function.name),
                profile.text(function.system_name),
                profile.text(function.filename),
                function.start_line,
            )
        })
        .collect();
    let locations: Vec<u64> = message
        .location
        .iter()
        .map(|location| {
            let lines: Vec<_> = location
                .line
                .iter()
                .map(|line| (*Profile::by_id(&functions, line.function_id), line.line))
                .collect();
            let mapping = match location.mapping_id {
                0 => 0,
                id => *Profile::by_id(&mappings, id),
            };
            // The same call has another address in every run, so a named one goes by its lines.
            let address = if lines.is_empty() {
                location.address
            } else {
                0
            };
            builder.location(mapping, address, lines)
        })
        .collect();
    for sample in &message.sample {
        let stack = sample
            .location_id
            .iter()
            .map(|&id| *Profile::by_id(&locations, id))
            .collect();
        let mut labels: Vec<protos::Label> = Vec::with_capacity(sample.label.len() + 1);
        for label in &sample.label {
            labels.push(protos::Label {
                key: builder.string(profile.text(label.key)),
                str: builder.string(profile.text(label.str)),
                num: label.num,
                num_unit: builder.string(profile.text(label.num_unit)),
            });
        }
        if negated {
            labels.push(protos::Label {
                key: builder.string(BASE_LABEL.0),
                str: builder.string(BASE_LABEL.1),
                ..protos::Label::default()
            });
            let values: Vec<i64> = sample
                .value
                .iter()
                .map(|value| value.saturating_neg())
                .collect();
            builder.sample(stack, labels, &values);
        } else {
            builder.sample(stack, labels, &sample.value);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::packages;
    use crate::profile::{Measured, Profile, SourceFrame, Symbols};

    #[test]
    fn a_profile_carries_which_packages_are_not_its_programs_own() {
        packages::note("/noted/keeps");
        let resolve = |_| {
            let frame = |function: &str, file: &str| SourceFrame {
                function: function.to_owned(),
                file: file.to_owned(),
                line: 1,
            };
            vec![
                frame("keeps::keep", "/noted/keeps/src/../src/lib.rs"),
                frame("shop::main", "/noted/shop/src/main.rs"),
            ]
        };
        let stacks = [Measured::new(vec![7], [1; 4])];
        let profile = Profile::from_measured("a profile", &stacks, 1, Symbols::With(&resolve));
        let profile = profile.expect("it has a stack");
        let read = Profile::from_bytes("a file", &profile.to_bytes()).expect("it is a profile");
        let diff = read.diff(&profile).expect("their types are the same");
        for profile in [profile, read, diff] {
            assert_eq!(profile.other_packages(), ["/noted/keeps"]);
        }
    }
}
