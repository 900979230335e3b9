//! Tells the library whether it is built with frame pointers, which no `cfg` of the compiler says, and whether it can follow
//! them on this target; whether tokio can say where a task waits; and whether tasks can be found that can never wake.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(frame_pointers)");
    println!("cargo::rustc-check-cfg=cfg(walks_frame_pointers)");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    println!("cargo::rustc-check-cfg=cfg(fast_path_in_assembly)");
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let of_target =
        |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    let is_miri = std::env::var_os("CARGO_CFG_MIRI").is_some();
    println!("cargo::rustc-check-cfg=cfg(tells_await_stacks)");
    // Where Cargo.toml asks tokio for `taskdump`.
    if std::env::var_os("CARGO_FEATURE_TASKDUMP").is_some()
        && std::env::var_os("CARGO_CFG_TOKIO_UNSTABLE").is_some()
        && of_target("OS") == "linux"
        && matches!(of_target("ARCH").as_str(), "x86_64" | "aarch64")
    {
        println!("cargo::rustc-cfg=tells_await_stacks");
    }
    println!("cargo::rustc-check-cfg=cfg(finds_stuck_tasks)");
    // Where the process' memory can be read, and a copy of it be made.
    if std::env::var_os("CARGO_FEATURE_TOKIO").is_some()
        && of_target("OS") == "linux"
        && of_target("POINTER_WIDTH") == "64"
        && !is_miri
    {
        println!("cargo::rustc-cfg=finds_stuck_tasks");
    }
    println!("cargo::rustc-check-cfg=cfg(sees_foreign)");
    // Where the C library's symbols can be defined by the program, and are known to lead to glibc's own.
    if std::env::var_os("CARGO_FEATURE_FOREIGN").is_some()
        && of_target("OS") == "linux"
        && of_target("ENV") == "gnu"
        && of_target("POINTER_WIDTH") == "64"
        && !is_miri
    {
        println!("cargo::rustc-cfg=sees_foreign");
    }
    if of_target("ARCH") == "x86_64"
        && of_target("POINTER_WIDTH") == "64"
        && of_target("OS") == "linux"
        // A sanitizer sees what the compiler emits, and not what is in assembly. Miri runs none.
        && !flags.contains("-Zsanitizer")
        && !is_miri
    {
        println!("cargo::rustc-cfg=fast_path_in_assembly");
    }
    if flags.contains("force-frame-pointers=yes") || flags.contains("force-frame-pointers=y") {
        println!("cargo::rustc-cfg=frame_pointers");
        let is_known = matches!(of_target("ARCH").as_str(), "x86_64" | "aarch64")
            && matches!(of_target("OS").as_str(), "linux" | "macos");
        if is_known && !is_miri {
            println!("cargo::rustc-cfg=walks_frame_pointers");
        }
    }
}
