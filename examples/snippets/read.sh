#!/bin/sh
# Read one parameter with curl. In a function, AWS_SESSION_TOKEN is there.
curl -sf -H "X-Aws-Parameters-Secrets-Token: $AWS_SESSION_TOKEN" \
  "http://localhost:${POWERTOOLS_EXTENSION_HTTP_PORT:-2773}/parameters/ssm/demo/greeting?format=text"
