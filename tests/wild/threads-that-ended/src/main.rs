//! GuillaumeGomez/sysinfo#352, 2020: a program looks at itself while its threads come and go.
//!
//! What is kept of each thread, its `/proc/self/task/N/stat` held open, stays when the thread has ended.

use std::sync::mpsc;
use std::thread;
use sysinfo::{System, SystemExt};

wild::case!(a_look_while_a_thread_works);

fn a_look_while_a_thread_works() -> impl FnMut() {
    let own = sysinfo::get_current_pid().expect("the system has numbers for processes");
    let mut system = System::new_all();
    move || {
        let (work_is_done, wait) = mpsc::channel::<()>();
        let worker = thread::spawn(move || wait.recv());
        system.refresh_process(own); // <- the line
        drop(work_is_done);
        let _ = worker.join();
    }
}
