//! Tells the library whether it is built with frame pointers, which no `cfg` of the compiler says.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(frame_pointers)");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    if flags.contains("force-frame-pointers=yes") || flags.contains("force-frame-pointers=y") {
        println!("cargo::rustc-cfg=frame_pointers");
    }
}
