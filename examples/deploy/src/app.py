import json
import os


def handler(event, context):
    # DB_PASSWORD is an ordinary variable here: the layer's wrapper has put
    # the secret's value into it before Python started.
    print(json.dumps({"level": "INFO", "message": "order taken", "has_password": bool(os.environ["DB_PASSWORD"])}))
    return {"ok": True}
