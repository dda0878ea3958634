"""A real function for the end-to-end tests: what a user would write without a library.

Reads a parameter while the module is imported (the init phase) and in every
invocation, posts one custom metric, and prints one JSON and one plain line.
It returns the value it read but never prints it.
"""

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

PORT = (
    os.environ.get("POWERTOOLS_EXTENSION_HTTP_PORT")
    or os.environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT")
    or "2773"
)
PARAMETER = os.environ.get("DEMO_PARAMETER", "/demo/greeting")
# A proxy for the internet is not for the loopback interface.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(path, body=None):
    """One request to the local API: status, headers, decoded answer."""
    request = urllib.request.Request(
        f"http://localhost:{PORT}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "X-Aws-Parameters-Secrets-Token": os.environ.get("AWS_SESSION_TOKEN", ""),
            "Content-Type": "application/json",
        },
    )
    try:
        with OPENER.open(request, timeout=5) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode(errors="replace")


def read_parameter(name, max_age=None):
    """The value and how the cache answered, or the error, as one dict."""
    path = "/parameters/ssm/" + urllib.parse.quote(name, safe="")
    if max_age is not None:
        path += "?" + urllib.parse.urlencode({"max_age": max_age})
    began = time.perf_counter()
    try:
        status, headers, answer = call(path)
    except OSError as error:
        return {"status": 0, "error": str(error)}
    result = {
        "status": status,
        "cache": headers.get("X-Powertools-Cache"),
        "age": headers.get("Age"),
        "ms": round((time.perf_counter() - began) * 1000, 3),
    }
    if status == 200:
        result["value"] = answer["value"]
        result["version"] = answer.get("version")
    else:
        result["error"] = answer
    return result


def post_metric(name, value, unit="Count"):
    """The status of the answer; 0 if there was none."""
    try:
        return call("/metrics", {"metrics": [{"name": name, "unit": unit, "value": value}]})[0]
    except OSError:
        return 0


INIT = read_parameter(PARAMETER)


def handler(event, context):
    name = event.get("parameter", PARAMETER)
    print(json.dumps({"level": "INFO", "message": "reading parameter", "parameter": name}), flush=True)
    parameter = read_parameter(name, event.get("max_age"))
    metric = post_metric("Greetings", 1)
    print(f"python read {name}: {parameter['status']} {parameter.get('cache')}", flush=True)
    if event.get("sleep_ms"):
        time.sleep(event["sleep_ms"] / 1000)
    if event.get("fail"):
        raise RuntimeError("the event asked for a failure")
    return {
        "runtime": "python",
        "request_id": context.aws_request_id,
        "init": INIT,
        "parameter": parameter,
        "metric_status": metric,
    }
