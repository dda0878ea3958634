"""Reads with urllib, as in the documentation of AWS's layers."""
import json
import os
import urllib.parse
import urllib.request

PORT = os.environ["PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"]
HEADERS = {"X-Aws-Parameters-Secrets-Token": os.environ["AWS_SESSION_TOKEN"]}
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(port, path, headers):
    request = urllib.request.Request(f"http://localhost:{port}{path}", headers=headers)
    with OPENER.open(request, timeout=5) as response:
        return response.read().decode()


name = urllib.parse.quote_plus("/demo/db-password")
print(json.loads(get(PORT, f"/systemsmanager/parameters/get/?name={name}&withDecryption=true", HEADERS))["Parameter"]["Value"])
secret = json.loads(get(PORT, "/secretsmanager/get?secretId=demo/database&versionStage=AWSCURRENT", HEADERS))
print(json.loads(secret["SecretString"])["password"])
if "AWS_APPCONFIG_EXTENSION_HTTP_PORT" in os.environ:
    print(get(os.environ["AWS_APPCONFIG_EXTENSION_HTTP_PORT"], "/applications/demo/environments/prod/configurations/banner", {}))
