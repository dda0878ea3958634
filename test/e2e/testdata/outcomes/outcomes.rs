//! Ends in the way that the event asks for: what the extension then says of it is the test.
use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    match event.payload["do"].as_str().unwrap_or("") {
        "throw" => Err("quantity is negative".into()),
        "catch" => {
            if let Err(e) = "x".parse::<u32>() {
                println!("{}", json!({"level": "ERROR", "message": "lookup failed, default used", "error": {"type": "ParseIntError", "message": e.to_string(), "stack": "handle"}}));
            }
            Ok(json!({"status": "default"}))
        }
        "exit" => std::process::exit(1),
        "memory" => {
            std::alloc::handle_alloc_error(std::alloc::Layout::from_size_align(1 << 40, 8).unwrap())
        }
        "sleep" => {
            tokio::time::sleep(std::time::Duration::from_secs(60)).await;
            Ok(Value::Null)
        }
        "empty" => Ok(Value::Null),
        _ => Ok(json!({"status": "ok"})),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}
