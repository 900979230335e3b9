//! Three other ways to leave memory where no Rust allocator sees it, each with its mended twin.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr;
use tempfile::NamedTempFile;

/// What each way handles: a zone of two pages.
pub const ZONE_BYTES: usize = 8_192;

// ANCHOR: mapping
/// A zone's file in memory.
#[derive(Debug, Clone, Copy)]
struct Mapping {
    at: *mut libc::c_void,
    length: usize,
}

impl Mapping {
    fn of(zone: &File) -> io::Result<Self> {
        let length = usize::try_from(zone.metadata()?.len()).map_err(io::Error::other)?;
        let (to, rights, kind) = (ptr::null_mut(), libc::PROT_READ, libc::MAP_PRIVATE);
        // SAFETY: the kernel chooses the address.
        match unsafe { libc::mmap(to, length, rights, kind, zone.as_raw_fd(), 0) } {
            libc::MAP_FAILED => Err(io::Error::last_os_error()),
            at => Ok(Mapping { at, length }),
        }
    }

    fn records(self) -> usize {
        // SAFETY: mapped with that length, and nobody makes a zone shorter.
        let bytes = unsafe { std::slice::from_raw_parts(self.at.cast::<u8>(), self.length) };
        let lines = bytes.split(|&byte| byte == b'\n');
        lines.filter(|line| !line.is_empty()).count()
    }
}

/// Counts a zone's records. Its file is closed by whoever opened it. That ends no mapping.
///
/// # Errors
///
/// When the system can't map the file.
pub fn mapped(zone: &File) -> io::Result<usize> {
    Ok(Mapping::of(zone)?.records())
}

/// Undoes a mapping when its scope ends.
struct Unmapped(Mapping);

impl Drop for Unmapped {
    fn drop(&mut self) {
        // SAFETY: mapped with that length, and used by nobody after its owner.
        unsafe { libc::munmap(self.0.at, self.0.length) };
    }
}

/// The same count, by a mapping with an owner.
///
/// # Errors
///
/// When the system can't map the file.
pub fn mapped_and_unmapped(zone: &File) -> io::Result<usize> {
    Ok(Unmapped(Mapping::of(zone)?).0.records())
}
// ANCHOR_END: mapping

// ANCHOR: buffer
/// A stream of C's that writes into memory. C makes the buffer, lets it grow, and leaves it to whoever opened the stream.
struct Page {
    stream: *mut libc::FILE,
    buffer: Box<(*mut libc::c_char, libc::size_t)>,
}

impl Page {
    fn open() -> io::Result<Self> {
        let mut buffer = Box::new((ptr::null_mut(), 0));
        // SAFETY: both places live as long as the stream.
        let stream = unsafe { libc::open_memstream(&raw mut buffer.0, &raw mut buffer.1) };
        if stream.is_null() {
            return Err(io::Error::last_os_error());
        }
        Ok(Page { stream, buffer })
    }

    fn write(&self, text: &CString) {
        // SAFETY: the stream is open.
        unsafe { libc::fputs(text.as_ptr(), self.stream) };
    }

    /// Closes the stream. How long the page has become.
    fn close(&self) -> usize {
        // SAFETY: the stream is open, and not used after this.
        unsafe { libc::fclose(self.stream) };
        self.buffer.1
    }
}

/// How long a page of this text is. The stream is closed, which doesn't free its buffer.
///
/// # Errors
///
/// When the system has no memory.
pub fn written(text: &CString) -> io::Result<usize> {
    let page = Page::open()?;
    page.write(text);
    Ok(page.close())
}

/// The same length, and the buffer is freed, as the manual of `open_memstream` asks for.
///
/// # Errors
///
/// When the system has no memory.
pub fn written_and_freed(text: &CString) -> io::Result<usize> {
    let page = Page::open()?;
    page.write(text);
    let length = page.close();
    // SAFETY: the stream is closed, so the buffer is the caller's.
    unsafe { libc::free(page.buffer.0.cast()) };
    Ok(length)
}
// ANCHOR_END: buffer

// ANCHOR: spooled
/// Puts a zone down in a folder for the next program to read. Nobody takes the file away.
///
/// # Errors
///
/// When the folder can't be written.
pub fn spooled(folder: &Path, number: usize, zone: &[u8]) -> io::Result<u64> {
    let file = folder.join(format!("zone-{number}"));
    fs::write(&file, zone)?;
    Ok(fs::metadata(&file)?.len())
}

/// The same for a file that goes with its owner.
///
/// # Errors
///
/// When the folder can't be written.
pub fn spooled_and_removed(folder: &Path, zone: &[u8]) -> io::Result<u64> {
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(zone)?;
    Ok(file.as_file().metadata()?.len())
}
// ANCHOR_END: spooled
