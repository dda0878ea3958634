# The function of a managed runtime: a line through each of its ways into the log.
import json
import logging


def handler(event, context):
    print(json.dumps({"verify": "line", "name": event["name"], "request_id": context.aws_request_id}))
    # One event of two lines: only the framed descriptor keeps it together.
    logging.getLogger().error("verify-two-lines\nsecond of " + event["name"])
    return "ok"
