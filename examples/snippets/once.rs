// Charge an order once: a repeat prints what the first run answered. With the
// standard library alone; any HTTP client does the same.
use std::{env, error::Error, io::{Read, Write}, net::TcpStream};

fn ask(step: &str, body: &str) -> Result<(u16, String), Box<dyn Error>> {
    let port = env::var("POWERTOOLS_EXTENSION_HTTP_PORT").unwrap_or("2773".into());
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    write!(
        stream,
        "POST /idempotency/{step} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Aws-Parameters-Secrets-Token: {}\r\nContent-Length: {}\r\n\r\n{body}",
        env::var("AWS_SESSION_TOKEN")?,
        body.len()
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, answer) = text.split_once("\r\n\r\n").ok_or("no answer")?;
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    if status >= 300 { // 409 and 503
        return Err(format!("{status}: {answer}").into());
    }
    Ok((status, answer.into()))
}

fn charge(order: &str) -> String {
    eprintln!("charging {order}");
    format!("charged {order}")
}

fn main() -> Result<(), Box<dyn Error>> {
    let order = env::args().nth(1).ok_or("no order")?;
    let (status, mut answer) = ask("begin?format=text", &format!("{{\"key\":\"{order}\"}}"))?;
    if status == 201 { // the answer is the execution's id; 200: it is what was stored
        let id = std::mem::replace(&mut answer, charge(&order));
        ask(&format!("complete?id={id}"), &answer)?; // or fail?id=…
    }
    print!("{answer}");
    Ok(())
}
