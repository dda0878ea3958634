#!/bin/sh
# Hold a document to a schema of the function's: prints "valid", or a path and a keyword per line. $1 is the document.
printf '{"schema":"schemas/order.json","data":%s}' "$(cat "$1")" |
  curl -sf -H "X-Aws-Parameters-Secrets-Token: $AWS_SESSION_TOKEN" --data-binary @- \
    "http://localhost:${POWERTOOLS_EXTENSION_HTTP_PORT:-2773}/validate?format=text"
