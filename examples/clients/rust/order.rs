// Everything that the extension does over HTTP, with the standard library of Rust alone:
// an HTTP/1.0 request on a TCP connection.
use std::{
    env,
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// Status and body of one request.
fn call(method: &str, path: &str, body: &str) -> io::Result<(u16, String)> {
    let port = env::var("POWERTOOLS_EXTENSION_HTTP_PORT").unwrap_or("2773".into());
    // Under SnapStart the token is in the second variable.
    let token = env::var("AWS_SESSION_TOKEN").or_else(|_| env::var("AWS_CONTAINER_AUTHORIZATION_TOKEN")).unwrap_or_default();
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: localhost\r\nX-Aws-Parameters-Secrets-Token: {token}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, text) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
    let status: u16 = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    if status >= 300 {
        return Err(io::Error::other(format!("{status} {text}"))); // the error document: it has no values
    }
    Ok((status, text.to_string()))
}

fn main() -> io::Result<()> {
    let order = env::args().nth(1).expect("an order");

    let greeting = call("GET", "/parameters/ssm/demo/greeting?format=text", "")?.1;
    let burst = call("GET", "/parameters/ssm/demo/config.json?key=limits.burst&format=text", "")?.1; // one member of its JSON
    let password = call("GET", "/parameters/secrets/demo/database?key=password&format=text", "")?.1;
    let premium = call("GET", "/flags/premium?context.tier=gold&format=text", "")?.1;

    // Idempotency in three steps: ask, run, complete.
    let (status, text) = call("POST", "/idempotency/begin?format=text", &format!("{{\"key\":\"{order}\"}}"))?;
    let mut charge = text.clone(); // 200: the stored answer
    if status == 201 {
        println!("{{\"level\":\"INFO\",\"message\":\"charging\",\"order\":\"{order}\"}}");
        charge = format!("\"charged {order}\"");
        call("POST", &format!("/idempotency/complete?id={text}"), &charge)?;
    }

    call("POST", "/metrics", r#"{"metrics":[{"name":"OrdersPlaced","unit":"Count","value":1}]}"#)?;

    // A log line: the extension adds request id, service and the rest.
    println!(
        "{{\"level\":\"INFO\",\"message\":\"order placed\",\"order\":\"{order}\",\"greeting\":\"{greeting}\",\"burst\":{burst},\"password_length\":{},\"premium\":{premium},\"charge\":{charge}}}",
        password.len()
    );
    Ok(())
}
