//! An extension on the crate lambda-extension as its own documentation shows
//! it. It counts what its processors are given and prints the count as one
//! line of JSON when it is told to shut down.
//!
//! FOREIGN_MODE chooses the processor:
//!
//! - telemetry: the crate's default, in which a record is a string;
//! - json: with_telemetry_record_type::<Value>, made for the JSON log format;
//! - logs: the Logs API, which the Telemetry API has replaced;
//! - stay: telemetry, and no exit at the end, as in the crate's examples.
//!
//! FOREIGN_PORT is where the processor listens; the crate's own default is one
//! port for all, which tests that run at the same time cannot share.

use lambda_extension::{
    service_fn, Error, Extension, LambdaEvent, LambdaLog, LambdaLogRecord, LambdaTelemetry,
    LambdaTelemetryRecord, LogBuffering, NextEvent, SharedService,
};
use serde_json::{json, Value};
use std::sync::Mutex;

/// What has come, in order: the type with its request id or its line.
static RECEIVED: Mutex<Vec<String>> = Mutex::new(Vec::new());
static EVENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn receive(what: String) {
    RECEIVED.lock().unwrap().push(what);
}

fn note<L: Into<Value>>(event: LambdaTelemetry<L>) {
    use LambdaTelemetryRecord::*;
    receive(match event.record {
        Function(line) => format!("function {}", line.into()),
        Extension(line) => format!("extension {}", line.into()),
        PlatformInitStart { .. } => "platform.initStart".into(),
        PlatformInitRuntimeDone { status, .. } => format!("platform.initRuntimeDone {status:?}"),
        PlatformInitReport { .. } => "platform.initReport".into(),
        PlatformStart { request_id, .. } => format!("platform.start {request_id}"),
        PlatformRuntimeDone {
            request_id, status, ..
        } => format!("platform.runtimeDone {request_id} {status:?}"),
        PlatformReport {
            request_id, status, ..
        } => format!("platform.report {request_id} {status:?}"),
        PlatformExtension { name, state, .. } => format!("platform.extension {name} {state}"),
        PlatformTelemetrySubscription { name, .. } => {
            format!("platform.telemetrySubscription {name}")
        }
        PlatformLogsDropped {
            dropped_records, ..
        } => format!("platform.logsDropped {dropped_records}"),
    });
}

async fn telemetry(events: Vec<LambdaTelemetry>) -> Result<(), Error> {
    events.into_iter().for_each(note);
    Ok(())
}

async fn telemetry_json(events: Vec<LambdaTelemetry<Value>>) -> Result<(), Error> {
    events.into_iter().for_each(note);
    Ok(())
}

async fn logs(logs: Vec<LambdaLog>) -> Result<(), Error> {
    use LambdaLogRecord::*;
    for log in logs {
        receive(match log.record {
            Function(line) => format!("function {}", json!(line)),
            Extension(line) => format!("extension {}", json!(line)),
            PlatformStart { request_id } => format!("platform.start {request_id}"),
            PlatformEnd { request_id } => format!("platform.end {request_id}"),
            PlatformReport { request_id, .. } => format!("platform.report {request_id}"),
            PlatformFault(text) => format!("platform.fault {text}"),
            PlatformExtension { name, state, .. } => format!("platform.extension {name} {state}"),
            PlatformLogsSubscription { name, .. } => format!("platform.logsSubscription {name}"),
            PlatformLogsDropped {
                dropped_records, ..
            } => format!("platform.logsDropped {dropped_records}"),
            PlatformRuntimeDone { request_id, status } => {
                format!("platform.runtimeDone {request_id} {status}")
            }
        });
    }
    Ok(())
}

async fn event(event: LambdaEvent) -> Result<(), Error> {
    let stays = mode() == "stay";
    match event.next {
        NextEvent::Invoke(invoke) => EVENTS
            .lock()
            .unwrap()
            .push(format!("INVOKE {}", invoke.request_id)),
        NextEvent::Shutdown(shutdown) => {
            EVENTS
                .lock()
                .unwrap()
                .push(format!("SHUTDOWN {}", shutdown.shutdown_reason));
            let (events, received) = (
                EVENTS.lock().unwrap().clone(),
                RECEIVED.lock().unwrap().clone(),
            );
            println!(
                "{}",
                json!({"foreign": "lambda-extension", "events": events, "received": received})
            );
            if !stays {
                std::process::exit(0);
            }
        }
    }
    Ok(())
}

fn mode() -> String {
    std::env::var("FOREIGN_MODE").unwrap_or_else(|_| "telemetry".into())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_extension::tracing::init_default_subscriber();
    let port = std::env::var("FOREIGN_PORT")?.parse()?;
    // The shortest time there is, so that a batch leaves before the sandbox is frozen.
    let buffering = LogBuffering {
        timeout_ms: 25,
        ..LogBuffering::default()
    };
    let extension = Extension::new().with_events_processor(service_fn(event));
    match mode().as_str() {
        "logs" => {
            extension
                .with_log_port_number(port)
                .with_log_buffering(buffering)
                .with_logs_processor(SharedService::new(service_fn(logs)))
                .run()
                .await
        }
        "json" => {
            Extension::new()
                .with_telemetry_record_type::<Value>()
                .with_events_processor(service_fn(event))
                .with_telemetry_port_number(port)
                .with_telemetry_buffering(buffering)
                .with_telemetry_processor(SharedService::new(service_fn(telemetry_json)))
                .run()
                .await
        }
        _ => {
            extension
                .with_telemetry_port_number(port)
                .with_telemetry_buffering(buffering)
                .with_telemetry_processor(SharedService::new(service_fn(telemetry)))
                .run()
                .await
        }
    }
}
