//! A function on the Runtime API that logs one error and one plain line with
//! the logger that the event names, each as its documentation shows it first.
//! A process has one logger, so each sandbox has one: LOGGER names it.

use std::io::{Read, Write};
use std::net::TcpStream;

/// One request; with HTTP/1.0 the answer is everything until the connection ends.
fn call(method: &str, path: &str, body: &str) -> String {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let mut stream = TcpStream::connect(&api).unwrap();
    write!(
        stream,
        "{method} /2018-06-01/runtime/invocation/{path} HTTP/1.0\r\nHost: {api}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn main() {
    let logger = std::env::var("LOGGER").unwrap();
    match logger.as_str() {
        "tracing" => tracing_subscriber::fmt().with_ansi(true).init(),
        "tracing json" => tracing_subscriber::fmt().json().init(),
        _ => env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init(),
    }
    loop {
        let next = call("GET", "next", "");
        let id = next
            .lines()
            .find_map(|l| l.to_ascii_lowercase().strip_prefix("lambda-runtime-aws-request-id: ").map(String::from))
            .unwrap();
        match logger.as_str() {
            "env_logger" => {
                log::error!("charge failed");
                log::info!("order accepted");
            }
            _ => {
                tracing::error!("charge failed");
                tracing::info!("order accepted");
            }
        }
        call("POST", &format!("{id}/response"), "{}");
    }
}
