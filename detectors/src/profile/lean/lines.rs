//! The files and lines of addresses, from a unit's line program.

use std::collections::HashMap;
use std::rc::Rc;

use super::UnitRef;
use super::file::File;
use super::packages;
use super::ranges::in_range;

/// How many rows are read before the file hears of it, and about how many bytes they take.
const STEP: (usize, usize) = (8192, 1 << 15);

/// Where an address comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The number of the file in the unit's table.
    pub(super) file: u64,
    /// Zero when it is unknown.
    pub(super) line: u32,
}

/// The rows of addresses, which come in rising order. Of a row no more is kept than that.
pub(super) fn find(
    unit: UnitRef<'_, '_>,
    addresses: &[u64],
    file: &File,
) -> gimli::Result<Vec<Option<Row>>> {
    let mut found = vec![None; addresses.len()];
    let Some(program) = &unit.line_program else {
        return Ok(found);
    };
    let mut rows = program.clone().rows();
    let mut last: Option<(u64, Row)> = None;
    let mut read = 0;
    while let Some((_, row)) = rows.next_row()? {
        read += 1;
        if read % STEP.0 == 0 {
            file.has_read(STEP.1);
        }
        if let Some((begin, at)) = last {
            let end = row.address();
            for place in &mut found[in_range(addresses, gimli::Range { begin, end })] {
                place.get_or_insert(at);
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "no file has so many lines")]
        let line = row.line().map_or(0, |line| line.get() as u32);
        let at = Row {
            file: row.file_index(),
            line,
        };
        last = (!row.end_sequence()).then_some((row.address(), at));
    }
    Ok(found)
}

/// Paths of a unit's files, each put together once.
pub(super) struct Files<'unit, 'data> {
    unit: UnitRef<'unit, 'data>,
    workspace: Option<&'unit str>,
    paths: HashMap<u64, Rc<str>>,
}

impl<'unit, 'data> Files<'unit, 'data> {
    pub(super) fn of(unit: UnitRef<'unit, 'data>, workspace: Option<&'unit str>) -> Self {
        Self {
            unit,
            workspace,
            paths: HashMap::new(),
        }
    }

    /// Empty when the unit has no such file.
    pub(super) fn path(&mut self, file: u64) -> gimli::Result<Rc<str>> {
        if let Some(path) = self.paths.get(&file) {
            return Ok(Rc::clone(path));
        }
        let (path, compiled_in) = path(self.unit, file)?;
        packages::note(self.unit, self.workspace, &compiled_in, &path);
        let path: Rc<str> = path.into();
        self.paths.insert(file, Rc::clone(&path));
        Ok(path)
    }
}

/// The path, and the folder that it was compiled in.
fn path(unit: UnitRef<'_, '_>, file: u64) -> gimli::Result<(String, String)> {
    let header = unit
        .line_program
        .as_ref()
        .map(gimli::IncompleteLineProgram::header);
    let Some((header, file)) = header.and_then(|header| Some((header, header.file(file)?))) else {
        return Ok((String::new(), String::new()));
    };
    let mut path = String::new();
    if let Some(folder) = unit.comp_dir {
        path = folder.to_string_lossy().into_owned();
    }
    let mut compiled_in = path.clone();
    // Folder zero is the unit's own.
    if file.directory_index() != 0
        && let Some(folder) = file.directory(header)
    {
        let folder = unit.attr_string(folder)?;
        push(&mut path, &folder.to_string_lossy());
        if folder.starts_with(b"/") {
            compiled_in.clone_from(&path);
        }
    }
    push(
        &mut path,
        &unit.attr_string(file.path_name())?.to_string_lossy(),
    );
    Ok((path, compiled_in))
}

/// Adds a part to a path, or puts an absolute one in its place.
pub(super) fn push(path: &mut String, part: &str) {
    if part.starts_with('/') {
        path.clear();
    } else if !path.is_empty() && !path.ends_with('/') {
        path.push('/');
    }
    path.push_str(part);
}
