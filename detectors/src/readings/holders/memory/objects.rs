//! The program and its libraries, as the loader has them: their statics, and what the calling thread has of its own.

use std::ops::Range;

/// The writable segments of the program and of each library, in the order of their addresses.
pub(super) fn statics() -> Vec<Range<usize>> {
    // The C library's own are no statics of the program: malloc's lists of free chunks lie there, and point beside live blocks.
    let is_the_programs = |object: &Object| {
        !["/libc.so", "/ld-linux", "/ld-musl"]
            .iter()
            .any(|library| object.name.contains(library))
    };
    let mut all: Vec<Range<usize>> = objects()
        .into_iter()
        .filter(is_the_programs)
        .flat_map(|object| object.writable)
        .collect();
    all.sort_by_key(|range| range.start);
    all
}

/// What the calling thread has of its own, of the program and of each library.
pub(crate) fn locals() -> Vec<Range<usize>> {
    let all = objects().into_iter();
    all.filter_map(|object| object.locals).collect()
}

struct Object {
    /// What its addresses in the file are off by.
    base: usize,
    /// Empty for the program itself.
    name: String,
    writable: Vec<Range<usize>>,
    /// What it has in the calling thread's local storage, where it has any.
    locals: Option<Range<usize>>,
}

/// The program and its libraries, as they are loaded.
fn objects() -> Vec<Object> {
    unsafe extern "C" fn visit(
        info: *mut libc::dl_phdr_info,
        _size: libc::size_t,
        objects: *mut libc::c_void,
    ) -> libc::c_int {
        // SAFETY: the loader's own description of a loaded object, and the vector that `objects` handed over below.
        let (info, objects) = unsafe { (&*info, &mut *objects.cast::<Vec<Object>>()) };
        let base = usize::try_from(info.dlpi_addr).unwrap_or(0);
        // SAFETY: so many headers lie there, says the loader.
        let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
        let name = if info.dlpi_name.is_null() {
            String::new()
        } else {
            // SAFETY: a text that ends with a zero, of an object that stays loaded during this call.
            unsafe { std::ffi::CStr::from_ptr(info.dlpi_name) }
                .to_string_lossy()
                .into_owned()
        };
        objects.push(Object {
            base,
            name,
            writable: headers
                .iter()
                .filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W != 0)
                .map(|header| {
                    let start = base + usize::try_from(header.p_vaddr).unwrap_or(0);
                    start..start + usize::try_from(header.p_memsz).unwrap_or(0)
                })
                .collect(),
            // Of the thread that asks; nothing where it hasn't used them yet.
            locals: headers
                .iter()
                .find(|header| header.p_type == libc::PT_TLS && !info.dlpi_tls_data.is_null())
                .map(|header| {
                    let start = info.dlpi_tls_data.addr();
                    start..start + usize::try_from(header.p_memsz).unwrap_or(0)
                }),
        });
        0
    }
    let mut objects: Vec<Object> = Vec::new();
    // SAFETY: the callback takes its last argument for such a vector, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut objects).cast()) };
    objects
}

/// The name of the static that an address lies in; `None` where the program has no symbol for it.
pub(crate) fn static_at(address: usize) -> Option<String> {
    let objects = objects();
    let object = objects
        .iter()
        .find(|object| object.writable.iter().any(|range| range.contains(&address)))?;
    let path = if object.name.is_empty() {
        "/proc/self/exe"
    } else {
        &object.name
    };
    crate::profile::data_symbol(path.as_ref(), (address - object.base) as u64)
}
