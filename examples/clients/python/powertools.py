"""Thin client of the Powertools extension: copy this file, it needs nothing else.

Outside Lambda, in unit tests, there is no extension: parameter() and secret()
read POWERTOOLS_FALLBACK_<NAME> (upper case, _ for what is no letter or digit),
flag() gives its default, metric() does nothing, idempotent() calls the function.
"""
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request


class ExtensionError(Exception):
    """What the extension answered: error is its word for it, status the HTTP status."""

    def __init__(self, status, error, detail):
        super().__init__(f"{error} ({status}): {detail}")
        self.status, self.error, self.detail = status, error, detail


def _absent():
    return "AWS_LAMBDA_RUNTIME_API" not in os.environ


# A proxy in the environment is not for the sandbox's own port.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _call(method, path, body=None, timeout=5):
    port = os.environ.get("POWERTOOLS_EXTENSION_HTTP_PORT", "2773")
    # Under SnapStart the token is in the second variable. It is read for each
    # call, because a restored sandbox has another one.
    token = os.environ.get("AWS_SESSION_TOKEN") or os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    headers = {"X-Aws-Parameters-Secrets-Token": token}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, method=method, headers=headers)
    try:
        with _opener.open(request, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as problem:
        try:
            document = json.loads(problem.read())
        except ValueError:
            document = {}
        raise ExtensionError(problem.code, document.get("error", "failed"), document.get("detail", "")) from None


def _fallback(name):
    variable = "POWERTOOLS_FALLBACK_" + re.sub(r"\W", "_", name.strip("/"), flags=re.ASCII).upper()
    if variable not in os.environ:
        raise ExtensionError(0, "absent", f"no extension outside Lambda: set {variable}")
    return os.environ[variable]


def parameter(name, **options):
    """An SSM parameter's value as text. Options are those of the route: max_age=60, key="limits.burst", ..."""
    if _absent():
        return _fallback(name)
    options["format"] = "text"
    return _call("GET", "/parameters/ssm/" + urllib.parse.quote(name.lstrip("/")) + "?" + urllib.parse.urlencode(options))[1]


def secret(name, **options):
    """A secret's value as text; key="password" for one member of its JSON."""
    if _absent():
        return _fallback(name)
    options["format"] = "text"
    return _call("GET", "/parameters/secrets/" + urllib.parse.quote(name) + "?" + urllib.parse.urlencode(options))[1]


def flag(name, default=False, **context):
    """A feature's value for the context, default where there is none."""
    if _absent():
        return default
    body = json.dumps({"context": context, "default": default}).encode()
    return json.loads(_call("POST", "/flags/" + urllib.parse.quote(name, safe=""), body)[1])["value"]


def metric(name, value=1, unit="Count"):
    """Counts something, in the function's namespace."""
    if not _absent():
        _call("POST", "/metrics", json.dumps({"metrics": [{"name": name, "unit": unit, "value": value}]}).encode())


def idempotent(key, function):
    """Calls the function once for a key; a repeat gets the stored answer. The answer has to be JSON."""
    if _absent():
        return function()
    status, text = _call("POST", "/idempotency/begin", json.dumps({"key": key}).encode())
    state = json.loads(text)
    if status == 200:
        return state["data"]
    try:
        result = function()
    except BaseException:
        _call("POST", "/idempotency/fail?id=" + state["id"], b"")
        raise
    _call("POST", "/idempotency/complete?id=" + state["id"], json.dumps(result).encode())
    return result
