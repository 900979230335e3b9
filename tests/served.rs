//! A running `leaks serve`, and a client that asks it over sockets of its own.

#![allow(dead_code, reason = "each test target uses its part")]

use crate::driver::Workbook;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A running `leaks serve`. It ends with the test, whatever happens in it.
pub(crate) struct Served {
    pub(crate) child: Child,
    /// `127.0.0.1:PORT` of the service, and of its debug endpoints.
    pub(crate) service: String,
    pub(crate) debug: String,
}

impl Served {
    /// Any free port for the service. `name` is the test's own.
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        Served::start_with(name, arguments, Stdio::null())
    }

    /// The same, with its standard error elsewhere.
    pub(crate) fn start_with(name: &str, arguments: &[&str], stderr: Stdio) -> Self {
        let workbook = Workbook::copy(&format!("serve-{name}"));
        Served::started(&workbook, arguments, stderr)
    }

    /// The same, in a workbook that is there already.
    pub(crate) fn started(workbook: &Workbook, arguments: &[&str], stderr: Stdio) -> Self {
        let mut command = workbook.command([&["serve", "--port", "0"], arguments].concat());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("the command");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut address = || {
            let line = lines.next().expect("two lines").expect("text");
            let (_, after) = line.split_once("http://").expect("an address");
            after.split('/').next().expect("an address").to_owned()
        };
        let (service, debug) = (address(), address());
        Served {
            child,
            service,
            debug,
        }
    }

    /// How it ended, by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_mins(2);
        loop {
            if let Some(status) = self.child.try_wait().expect("our child") {
                return status;
            }
            assert!(Instant::now() < deadline, "the service hasn't ended");
            thread::sleep(Duration::from_millis(5)); // between two looks
        }
    }

    /// Asks a debug endpoint: `GET /metrics`.
    pub(crate) fn debug(&self, request: &str) -> Answer {
        Answer::to(&self.debug, request, &[])
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Asks over a socket of its own: `GET /metrics`, with these headers beside the usual ones.
    pub(crate) fn to(address: &str, request: &str, headers: &[&str]) -> Self {
        let mut stream = TcpStream::connect(address).expect("it listens");
        let deadline = Some(Duration::from_mins(2));
        stream.set_read_timeout(deadline).expect("not zero");
        let host = format!("Host: {address}");
        let mut lines = vec![
            format!("{request} HTTP/1.1"),
            "Connection: close".to_owned(),
        ];
        if !headers.iter().any(|header| header.starts_with("Host:")) {
            lines.push(host);
        }
        lines.extend(headers.iter().map(|header| (*header).to_owned()));
        let text = lines.join("\r\n") + "\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(text.as_bytes()).expect("it reads");
        let mut whole = Vec::new();
        stream.read_to_end(&mut whole).expect("it answers");
        let end = whole
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("a head");
        let head = String::from_utf8_lossy(&whole[..end]).into_owned();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status");
        Answer {
            status,
            head,
            body: whole[end + 4..].to_vec(),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
