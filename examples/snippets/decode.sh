#!/bin/sh
# Take an event apart: prints the JSON of each record, one per line. $1 is the event.
curl -sf -H "X-Aws-Parameters-Secrets-Token: $AWS_SESSION_TOKEN" --data-binary "@$1" \
  "http://localhost:${POWERTOOLS_EXTENSION_HTTP_PORT:-2773}/events/decode" | jq -c '.records[].json'
