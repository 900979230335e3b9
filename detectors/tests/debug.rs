//! The debug port of a program that has hardly begun.

use detectors::Profile;
use detectors::debug::Listener;
use std::net::SocketAddr;
use std::process::Command;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Status and body.
async fn get(address: SocketAddr, path: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let sent = stream.write_all(request.as_bytes()).await;
    sent.expect("it reads");
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    read.expect("it answers");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    (head, answer[end + 4..].to_vec())
}

/// What the process says that has seen no sample.
const EMPTY: &str = "every profile was empty";

detectors::memory_tests! {
    /// Who scrapes it takes an error for a service that is down.
    fn a_heap_of_which_nothing_was_sampled_yet_is_an_empty_profile() {
        // A program may be sampled within its first kilobytes, by chance. Most aren't.
        let is_empty = (0..50).any(|_| {
            let program = std::env::current_exe().expect("this program");
            let arguments = ["--exact", "one_program", "--include-ignored", "--show-output"];
            let output = Command::new(program).args(arguments).output().expect("it starts");
            let printed = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{printed}");
            printed.contains(EMPTY)
        });
        assert!(is_empty, "fifty programs were sampled before anybody asked");
    }

    #[ignore = "a part of the other, which starts it"]
    async fn one_program() {
        detectors::allocator::set_sampling_rate(None);
        let listener = Listener::bind("127.0.0.1:0", None).await;
        let listener = listener.expect("a free port");
        let address = listener.address();
        tokio::spawn(listener.serve());
        let mut is_empty = true;
        for (path, first) in [("heap", "inuse_space"), ("allocs", "alloc_space"), ("heap?seconds=1", "inuse_space")] {
            let (head, body) = get(address, &format!("/debug/pprof/{path}")).await;
            assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
            let profile = Profile::from_bytes("heap", &body).expect("a profile");
            is_empty &= profile.is_empty();
            assert_eq!(profile.sample_types().len(), 4, "{path}");
            assert_eq!(profile.default_sample_type().name, first, "{path}");
        }
        let (head, body) = get(address, "/debug/pprof/heap?debug=1").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let text = String::from_utf8_lossy(&body);
        is_empty &= text.starts_with("Nothing was seen yet");
        if is_empty {
            println!("{EMPTY}");
        }
    }
}
