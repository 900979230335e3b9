//! Whether everything that a message refers to is there.

use std::collections::HashMap;

use super::protos;

use super::ProfileError;

/// Bounds what showing a profile may cost: frames of all samples together.
const FRAMES_MAX: usize = 50_000_000;

/// Checks every reference and numbers mappings, functions and locations from one upwards, so that
/// the rest of the module may index without asking.
pub(super) fn checked(
    name: &str,
    mut message: protos::Profile,
) -> Result<protos::Profile, ProfileError> {
    if message.sample_type.is_empty() {
        return Err(malformed(name, "it names no sample types".to_owned()));
    }
    if message
        .string_table
        .first()
        .is_none_or(|first| !first.is_empty())
    {
        return Err(malformed(
            name,
            "its table of strings doesn't start with the empty one".to_owned(),
        ));
    }
    check_strings(name, &message)?;

    let mapping_ids = Ids::new(name, "mapping", message.mapping.iter().map(|m| m.id))?;
    let function_ids = Ids::new(name, "function", message.function.iter().map(|f| f.id))?;
    let location_ids = Ids::new(name, "location", message.location.iter().map(|l| l.id))?;
    for (mapping, id) in message.mapping.iter_mut().zip(1..) {
        mapping.id = id;
    }
    for (function, id) in message.function.iter_mut().zip(1..) {
        function.id = id;
    }
    for (location, id) in message.location.iter_mut().zip(1..) {
        // As in Go's reader, a location may name a mapping that isn't there; it then has none.
        location.mapping_id = mapping_ids.get(location.mapping_id).unwrap_or(0);
        for line in &mut location.line {
            line.function_id = function_ids.get(line.function_id).ok_or_else(|| {
                malformed(
                    name,
                    format!(
                        "location {} names function {}, which isn't there",
                        location.id, line.function_id
                    ),
                )
            })?;
        }
        location.id = id;
    }
    let frames: usize = message
        .sample
        .iter()
        .map(|sample| sample.location_id.len())
        .sum();
    if frames > FRAMES_MAX {
        return Err(ProfileError::TooLarge {
            input: name.to_owned(),
            reason: format!("its stacks have more than {FRAMES_MAX} frames"),
        });
    }
    let types = message.sample_type.len();
    for sample in &mut message.sample {
        if sample.value.len() != types {
            return Err(malformed(
                name,
                format!(
                    "a sample has {} values for {types} sample types",
                    sample.value.len()
                ),
            ));
        }
        for id in &mut sample.location_id {
            *id = location_ids.get(*id).ok_or_else(|| {
                malformed(
                    name,
                    format!("a sample names location {id}, which isn't there"),
                )
            })?;
        }
    }
    Ok(message)
}

fn check_strings(name: &str, message: &protos::Profile) -> Result<(), ProfileError> {
    let count = message.string_table.len();
    let check = |index: i64| match usize::try_from(index) {
        Ok(index) if index < count => Ok(()),
        _ => Err(malformed(
            name,
            format!("it refers to string {index} of {count}"),
        )),
    };
    for value in message.sample_type.iter().chain(&message.period_type) {
        check(value.ty)?;
        check(value.unit)?;
    }
    for mapping in &message.mapping {
        check(mapping.filename)?;
        check(mapping.build_id)?;
    }
    for function in &message.function {
        check(function.name)?;
        check(function.system_name)?;
        check(function.filename)?;
    }
    for label in message.sample.iter().flat_map(|sample| &sample.label) {
        check(label.key)?;
        check(label.str)?;
        check(label.num_unit)?;
    }
    for &comment in &message.comment {
        check(comment)?;
    }
    check(message.drop_frames)?;
    check(message.keep_frames)?;
    check(message.default_sample_type)
}

/// From the file's ids to positions counted from one.
enum Ids {
    /// The ids already are the positions, as every writer known to us makes them.
    InOrder(u64),
    Other(HashMap<u64, u64>),
}

impl Ids {
    fn new(
        name: &str,
        what: &str,
        ids: impl ExactSizeIterator<Item = u64> + Clone,
    ) -> Result<Self, ProfileError> {
        let count = ids.len() as u64;
        if ids.clone().eq(1..=count) {
            return Ok(Self::InOrder(count));
        }
        let mut positions = HashMap::with_capacity(ids.len());
        for (id, position) in ids.zip(1..) {
            if id == 0 {
                return Err(malformed(name, format!("a {what} has the reserved id 0")));
            }
            if positions.insert(id, position).is_some() {
                return Err(malformed(name, format!("two {what}s share the id {id}")));
            }
        }
        Ok(Self::Other(positions))
    }

    fn get(&self, id: u64) -> Option<u64> {
        match self {
            Self::InOrder(count) => (1..=*count).contains(&id).then_some(id),
            Self::Other(positions) => positions.get(&id).copied(),
        }
    }
}

pub(super) fn malformed(name: &str, reason: String) -> ProfileError {
    ProfileError::Malformed {
        input: name.to_owned(),
        reason,
    }
}
