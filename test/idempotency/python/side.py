"""The other side of a table: Powertools for Python, asked line by line.

A line is {"event": text, "result": text, "key", "validation", "prefix"?,
"fail"?}; the answer {"ran", "result"?, "error"?}. Event and result are JSON
texts, because Lambda's runtime parses an event and the caller gets a text.
"""
import json
import os
import sys

import boto3
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent

client = boto3.client("dynamodb", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")


class Context:
    def get_remaining_time_in_millis(self):
        return 30_000


def digest(text):
    """What stands behind # in the key of a whole event."""
    store = DynamoDBPersistenceLayer(table_name="none", boto3_client=client)
    store.configure(IdempotencyConfig())
    return store._generate_hash(data=json.loads(text))


def ask(line):
    ran = []

    def handler(event, context):
        ran.append(True)
        if line.get("fail"):
            raise ValueError("asked")
        return json.loads(line["result"])

    config = IdempotencyConfig(
        event_key_jmespath=line.get("key", ""), payload_validation_jmespath=line.get("validation", ""),
        expires_after_seconds=line.get("expires", 3600),
    )
    if line.get("digest"):
        return {"result": digest(line["event"])}
    store = DynamoDBPersistenceLayer(table_name=os.environ["TABLE"], boto3_client=client)
    decorated = idempotent(handler, persistence_store=store, config=config, key_prefix=line.get("prefix"))
    try:
        return {"result": json.dumps(decorated(json.loads(line["event"]), Context())), "ran": bool(ran)}
    except Exception as e:  # its name is the answer
        return {"error": type(e).__name__, "ran": bool(ran), "detail": str(e)}


for text in sys.stdin:
    print(json.dumps(ask(json.loads(text))), flush=True)
