//! A real function for the end-to-end tests: what a user would write without a
//! library of ours. Reads a parameter before the runtime client asks for work
//! (the init phase) and in every invocation, posts one custom metric, and
//! prints one JSON and one plain line. It returns the value it read but never
//! prints it.

use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn env(names: &[&str], fallback: &str) -> String {
    let set = |name: &&str| std::env::var(name).ok().filter(|v| !v.is_empty());
    names
        .iter()
        .find_map(set)
        .unwrap_or_else(|| fallback.into())
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    /// The value of a header, whose name must be given in lower case.
    fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields
            .filter(|(n, _)| n.to_ascii_lowercase() == name)
            .map(|(_, v)| v)
            .next()
    }
}

/// One request to the local API. The standard library has no HTTP client; with
/// HTTP/1.0 the answer is everything until the connection ends.
fn call(method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
    let port = env(
        &[
            "POWERTOOLS_EXTENSION_HTTP_PORT",
            "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT",
        ],
        "2773",
    );
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nX-Aws-Parameters-Secrets-Token: {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        env(&["AWS_SESSION_TOKEN"], ""),
        body.len()
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or(0);
    Ok(Answer {
        status,
        head: head.into(),
        body: body.into(),
    })
}

fn escape(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    name.bytes()
        .map(|b| {
            if plain(b) {
                (b as char).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// The value and how the cache answered, or the error.
fn read_parameter(name: &str, max_age: Option<&Value>) -> Value {
    let query = max_age
        .map(|age| format!("?max_age={age}"))
        .unwrap_or_default();
    let began = Instant::now();
    let answer = match call(
        "GET",
        &format!("/parameters/ssm/{}{query}", escape(name)),
        "",
    ) {
        Ok(answer) => answer,
        Err(error) => return json!({"status": 0, "error": error.to_string()}),
    };
    let mut result = json!({
        "status": answer.status,
        "cache": answer.header("x-powertools-cache"),
        "age": answer.header("age"),
        "ms": began.elapsed().as_secs_f64() * 1000.0,
    });
    match serde_json::from_str::<Value>(&answer.body) {
        Ok(body) if answer.status == 200 => {
            result["value"] = body["value"].clone();
            result["version"] = body["version"].clone();
        }
        _ => result["error"] = answer.body.into(),
    }
    result
}

/// The status of the answer; 0 if there was none.
fn post_metric(name: &str, value: i64) -> u16 {
    let body = json!({"metrics": [{"name": name, "unit": "Count", "value": value}]});
    call("POST", "/metrics", &body.to_string()).map_or(0, |answer| answer.status)
}

async fn handle(event: LambdaEvent<Value>, fallback: &str, init: &Value) -> Result<Value, Error> {
    let name = event.payload["parameter"].as_str().unwrap_or(fallback);
    println!(
        "{}",
        json!({"level": "INFO", "message": "reading parameter", "parameter": name})
    );
    let parameter = read_parameter(name, event.payload.get("max_age"));
    let metric_status = post_metric("Greetings", 1);
    println!(
        "rust read {name}: {} {}",
        parameter["status"],
        parameter["cache"].as_str().unwrap_or("-")
    );
    if let Some(ms) = event.payload["sleep_ms"].as_u64() {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    if event.payload["fail"] == true {
        return Err("the event asked for a failure".into());
    }
    Ok(json!({
        "runtime": "rust",
        "request_id": event.context.request_id,
        "init": init,
        "parameter": parameter,
        "metric_status": metric_status,
    }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let fallback = env(&["DEMO_PARAMETER"], "/demo/greeting");
    let init = read_parameter(&fallback, None);
    run(service_fn(|event| handle(event, &fallback, &init))).await
}
