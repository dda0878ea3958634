//! Takes one order and nothing else: an unknown member is an error.
use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    id: u64,
    qty: u32,
}

async fn handle(event: LambdaEvent<Order>) -> Result<String, Error> {
    println!("order {} of {}", event.payload.id, event.payload.qty);
    Ok("done".into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}
