//! A function with somebody else's internal extension: the runtime client's
//! own, which it registers so that Lambda announces the end with SIGTERM
//! (feature graceful-shutdown of lambda_runtime).

use lambda_runtime::{run, service_fn, spawn_graceful_shutdown_handler, Error, LambdaEvent};
use serde_json::{json, Value};

#[tokio::main]
async fn main() -> Result<(), Error> {
    spawn_graceful_shutdown_handler(|| async { println!("the function said goodbye") }).await;
    run(service_fn(|event: LambdaEvent<Value>| async move {
        println!("a line of the function");
        Ok::<_, Error>(json!({"request_id": event.context.request_id}))
    }))
    .await
}
