//! What the harness' macros say where its feature is off.

/// Needs the feature `harness`.
#[macro_export]
macro_rules! tests {
    ($($tests:tt)*) => {
        compile_error!(
            "tests in a process of their own need detectors' feature `harness`, which is switched off; in Cargo.toml, below \
             [dev-dependencies]: detectors = { .., features = [\"harness\"] }"
        );
    };
}

/// Needs the feature `harness`.
#[macro_export]
macro_rules! memory_tests {
    ($($tests:tt)*) => {
        $crate::tests!();
    };
}

/// Needs the feature `harness`.
#[macro_export]
macro_rules! test_modules {
    ($($modules:tt)*) => {
        $crate::tests!();
    };
}
