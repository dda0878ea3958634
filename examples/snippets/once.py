# Charge an order once: a repeat prints what the first run answered.
import json
import os
import sys
import urllib.request


def ask(step, body):
    port = os.environ.get("POWERTOOLS_EXTENSION_HTTP_PORT", "2773")
    headers = {"X-Aws-Parameters-Secrets-Token": os.environ["AWS_SESSION_TOKEN"]}
    request = urllib.request.Request(f"http://localhost:{port}/idempotency/{step}", body.encode(), headers)
    with urllib.request.urlopen(request, timeout=5) as answer:  # 409 and 503 raise
        return answer.status, answer.read().decode()


def charge(order):
    print("charging", order, file=sys.stderr)
    return f"charged {order}"


status, answer = ask("begin?format=text", json.dumps({"key": sys.argv[1]}))
if status == 201:  # the answer is the execution's id; 200: it is what was stored
    execution, answer = answer, charge(sys.argv[1])
    ask("complete?id=" + execution, answer)  # or fail?id=…
print(answer, end="")
