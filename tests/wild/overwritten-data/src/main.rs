//! rust-openssl/rust-openssl#2102, 2023: data that is attached to a TLS context for a second time under one index.
//!
//! OpenSSL frees what is attached when the context ends, and lets an overwritten pointer go as it is.

use openssl::ssl::{SslContext, SslContextBuilder, SslMethod};

wild::case!(new_settings_for_a_context);

fn new_settings_for_a_context() -> impl FnMut() {
    let index = SslContext::new_ex_index::<Vec<u8>>().expect("OpenSSL has an index");
    let mut context = SslContextBuilder::new(SslMethod::tls()).expect("OpenSSL makes a context");
    move || {
        let settings = vec![7_u8; 1_000]; // <- the line
        context.set_ex_data(index, settings); // <- the line
    }
}
