//! A Chromium of the test's own, driven by the `DevTools` protocol: JSON messages over a WebSocket.

use base64::Engine;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

/// Only against a browser that never answers.
const DEADLINE: Duration = Duration::from_mins(2);

/// A page of a browser, which ends with it.
pub(crate) struct Page {
    socket: WebSocket<TcpStream>,
    session: String,
    sent: u64,
    events: Vec<Value>,
    // In this order: the browser ends before its folder.
    _browser: Browser,
    _profile: TempDir,
}

struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A page in a window of this size; `None` where there is no browser.
pub(crate) fn opened(width: u32, height: u32) -> Option<Page> {
    let mut page = Page::open(chromium()?);
    page.size(width, height);
    Some(page)
}

/// The system's Chromium; `None` where there is none. In CI there must be one.
pub(crate) fn chromium() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| {
            let version = Command::new(name).arg("--version").output();
            version.is_ok_and(|version| version.status.success())
        });
    assert!(
        found.is_some() || std::env::var_os("CI").is_none(),
        "CI installs chromium"
    );
    if found.is_none() {
        eprintln!("not tested: the pages in a browser, since no chromium is installed");
    }
    found
}

impl Page {
    /// Starts a browser with an empty page.
    pub(crate) fn open(chromium: &str) -> Self {
        // Helpers of a browser that was ended write to it for a moment more: what stays then is the build's, and not the system's.
        let profile = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a scratch folder");
        let mut child = Command::new(chromium)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--hide-scrollbars",
            ])
            .args([
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .args(["--remote-debugging-port=0", "--force-device-scale-factor=1"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("chromium");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let browser = Browser(child);
        let mut lines = lines.map_while(Result::ok);
        let address = lines
            .find_map(|line| {
                line.strip_prefix("DevTools listening on ")
                    .map(str::to_owned)
            })
            .expect("chromium tells its address");
        // What it goes on to tell is read, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        let host = address
            .trim_start_matches("ws://")
            .split('/')
            .next()
            .expect("a host");
        let stream = TcpStream::connect(host).expect("chromium listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
        let (socket, _) = tungstenite::client(&address, stream).expect("a WebSocket");
        let mut page = Page {
            socket,
            session: String::new(),
            sent: 0,
            events: Vec::new(),
            _browser: browser,
            _profile: profile,
        };
        let target = page.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached = page.call(
            "Target.attachToTarget",
            &json!({ "targetId": target["targetId"], "flatten": true }),
        );
        let session = attached["sessionId"].as_str().expect("a session");
        session.clone_into(&mut page.session);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), &json!({}));
        }
        page
    }

    /// Sends a command and waits for its answer.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.socket
            .send(Message::text(message.to_string()))
            .expect("an open socket");
        loop {
            let answer = self.message();
            if answer["id"] == self.sent {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    fn message(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.read().expect("chromium answers") {
                return serde_json::from_str(&text).expect("JSON");
            }
        }
    }

    /// Loads an address, to the end of its scripts.
    pub(crate) fn load(&mut self, address: &str) {
        self.events.clear();
        self.call("Page.navigate", &json!({ "url": address }));
        while !self
            .events
            .iter()
            .any(|event| event["method"] == "Page.loadEventFired")
        {
            let event = self.message();
            self.events.push(event);
        }
    }

    /// The window's width and height.
    pub(crate) fn size(&mut self, width: u32, height: u32) {
        self.call(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
        );
    }

    /// What the system prefers: `light` or `dark`.
    pub(crate) fn prefer(&mut self, scheme: &str) {
        self.call(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }),
        );
    }

    /// Whether the page is laid out as on paper.
    pub(crate) fn print(&mut self, on_paper: bool) {
        let media = if on_paper { "print" } else { "" };
        self.call("Emulation.setEmulatedMedia", &json!({ "media": media }));
    }

    /// Whether the pages loaded from now on may run scripts.
    pub(crate) fn scripts(&mut self, run: bool) {
        self.call(
            "Emulation.setScriptExecutionDisabled",
            &json!({ "value": !run }),
        );
    }

    /// What an expression is worth, awaited.
    #[track_caller]
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let parameters =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &parameters);
        assert!(
            answer["exceptionDetails"].is_null(),
            "{expression}: {}",
            answer["exceptionDetails"]
        );
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, expression: &str) {
        let begun = Instant::now();
        while self.value(expression) != true {
            assert!(begun.elapsed() < DEADLINE, "never so: {expression}");
        }
    }

    /// Clicks into the middle of what a selector names.
    #[track_caller]
    pub(crate) fn click(&mut self, selector: &str) {
        let place = format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{block: 'center', behavior: 'instant'}}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        );
        let place = self.value(&place);
        for kind in ["mousePressed", "mouseReleased"] {
            let parameters = json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", &parameters);
        }
    }

    /// Presses and releases a key: `ArrowDown`, `Enter`, `a`.
    pub(crate) fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            _ => 0,
        };
        let text = if key.chars().count() == 1 {
            key
        } else if key == "Enter" {
            "\r"
        } else {
            ""
        };
        let down = json!({ "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
        self.call("Input.dispatchKeyEvent", &down);
        self.call(
            "Input.dispatchKeyEvent",
            &json!({ "type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code }),
        );
    }

    /// Types a text into what has the focus.
    pub(crate) fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// The whole page as a picture, in PNG.
    pub(crate) fn picture(&mut self) -> Vec<u8> {
        let taken = self.call(
            "Page.captureScreenshot",
            &json!({ "captureBeyondViewport": true }),
        );
        decoded(&taken)
    }

    /// What the first element of a selector looks like, in PNG.
    #[track_caller]
    pub(crate) fn picture_of(&mut self, selector: &str) -> Vec<u8> {
        let place = format!(
            "(() => {{ const r = document.querySelector({selector:?}).getBoundingClientRect(); \
             return {{ x: Math.floor(r.x + scrollX), y: Math.floor(r.y + scrollY), width: Math.ceil(r.width), height: Math.ceil(r.height), scale: 1 }}; }})()"
        );
        let clip = self.value(&place);
        let taken = self.call(
            "Page.captureScreenshot",
            &json!({ "captureBeyondViewport": true, "clip": clip }),
        );
        decoded(&taken)
    }

    /// What went wrong since the page was loaded: errors of its scripts and of the browser, and requests that leave the site.
    pub(crate) fn faults(&mut self, site: &str) -> Vec<String> {
        let fault = |event: &Value| -> Option<String> {
            let parameters = &event["params"];
            match event["method"].as_str()? {
                "Runtime.exceptionThrown" => Some(parameters["exceptionDetails"].to_string()),
                "Runtime.consoleAPICalled" if parameters["type"] == "error" => {
                    Some(parameters["args"].to_string())
                }
                "Log.entryAdded" if parameters["entry"]["level"] == "error" => {
                    Some(parameters["entry"].to_string())
                }
                "Network.requestWillBeSent" => {
                    let address = parameters["request"]["url"].as_str()?;
                    let stays = address.starts_with(site) || address.starts_with("data:");
                    (!stays).then(|| format!("asks for {address}"))
                }
                _ => None,
            }
        };
        self.events.iter().filter_map(fault).collect()
    }
}

fn decoded(taken: &Value) -> Vec<u8> {
    let text = taken["data"].as_str().expect("a picture");
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .expect("base64")
}
