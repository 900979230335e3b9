//! Uses files, threads, sockets and processes of the standard library.

use std::process::Command;

fn main() -> std::io::Result<()> {
    let itself = std::env::current_exe()?;
    let size = std::thread::spawn(move || std::fs::metadata(itself)).join();
    println!("{:?}", size.map(|metadata| metadata.map(|file| file.len())));
    println!("{:?}", std::fs::read_dir(".")?.count());
    println!("{:?}", std::net::TcpListener::bind("127.0.0.1:0")?);
    if std::env::args().count() > 1 {
        println!("{:?}", Command::new("true").current_dir("/").status()?);
    }
    Ok(())
}
