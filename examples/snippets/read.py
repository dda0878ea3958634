# Read one parameter with the standard library.
import os
import urllib.request

port = os.environ.get("POWERTOOLS_EXTENSION_HTTP_PORT", "2773")
request = urllib.request.Request(
    f"http://localhost:{port}/parameters/ssm/demo/greeting?format=text",
    headers={"X-Aws-Parameters-Secrets-Token": os.environ["AWS_SESSION_TOKEN"]},
)
with urllib.request.urlopen(request, timeout=5) as answer:
    print(answer.read().decode(), end="")
