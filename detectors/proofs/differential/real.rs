//! Code as services run it.

use crate::both::Both;
use detectors::allocator::set_sampling_interval;
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::process::Command;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Cargo describes this workspace: some hundred kilobytes of JSON that no test made up.
fn document() -> String {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("JSON is UTF-8")
}

pub(crate) fn json() {
    let document = document();
    // A sampled block moves by a copy, and for a moment dhat sees both: its peak is then another.
    set_sampling_interval(None);
    let both = Both::start();
    let mut kept = Vec::new();
    for _ in 0..10 {
        let mut value: serde_json::Value =
            serde_json::from_str(&document).expect("cargo writes JSON");
        kept.push(value["packages"][0].take());
        both.agree();
        let written = serde_json::to_string_pretty(&value).expect("it was JSON");
        black_box(written);
        drop(value);
        both.agree();
    }
    assert!(kept.iter().all(serde_json::Value::is_object));
    both.agree_by_site();
}

pub(crate) fn regular_expressions() {
    let document = document();
    // A sampled block moves by a copy, and for a moment dhat sees both: its peak is then another.
    set_sampling_interval(None);
    let both = Both::start();
    let quoted =
        regex_lite::Regex::new(r#""(?<key>\w+)":\s*"(?<value>[^"]*\.rs)""#).expect("it is one");
    let kept: Vec<String> = quoted
        .captures_iter(&document)
        .map(|found| format!("{}: {}", &found["key"], &found["value"]))
        .collect();
    assert!(kept.len() > 10, "{kept:?}");
    both.agree();
    let replaced = quoted.replace_all(&document, "$value is $key").into_owned();
    both.agree();
    black_box(replaced);
    both.agree_by_site();
}

pub(crate) fn compression() {
    let document = document();
    // A sampled block moves by a copy, and for a moment dhat sees both: its peak is then another.
    set_sampling_interval(None);
    let both = Both::start();
    for level in [1, 6, 9] {
        let mut encoder =
            flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder
            .write_all(document.as_bytes())
            .expect("a vector takes it");
        let compressed = encoder.finish().expect("a vector takes it");
        both.agree();
        let mut back = String::new();
        flate2::read::GzDecoder::new(compressed.as_slice())
            .read_to_string(&mut back)
            .expect("it was compressed above");
        assert_eq!(back, document);
        both.agree();
    }
    both.agree_by_site();
}

pub(crate) fn requests() {
    let document = document();
    set_sampling_interval(Some(4_096));
    let both = Both::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let kept = runtime.block_on(ask(&document));
    // Its threads have ended once it is dropped.
    drop(runtime);
    assert_eq!(kept.len(), 40);
    assert!(kept.iter().all(|body| *body == document.len()));
    both.agree_but_for_the_peak();
    both.agree_by_site();
}

/// Forty answers by ten tasks at a time, over connections that are kept open; their lengths.
async fn ask(document: &str) -> Vec<usize> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("it listens");
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{document}",
        document.len()
    );
    let server = tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.expect("it listens");
            tokio::spawn(serve(connection, answer.clone()));
        }
    });
    let client = reqwest::Client::new();
    let mut lengths = Vec::new();
    for _ in 0..4 {
        let tasks: Vec<_> = (0..10)
            .map(|number| {
                let request = client.get(format!("http://{address}/apex/{number}"));
                tokio::spawn(async move {
                    let answer = request.send().await.expect("the server answers");
                    let text = answer.text().await.expect("it is text");
                    let value: serde_json::Value =
                        serde_json::from_str(&text).expect("the server sends JSON");
                    assert!(value["packages"].is_array());
                    text.len()
                })
            })
            .collect();
        for task in tasks {
            lengths.push(task.await.expect("it doesn't panic"));
        }
    }
    server.abort();
    lengths
}

async fn serve(mut connection: TcpStream, answer: String) {
    let mut request = Vec::new();
    let mut buffer = [0; 1_024];
    loop {
        match connection.read(&mut buffer).await {
            Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
            _ => return,
        }
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            if connection.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}
