"""Ends in the way that the event asks for: what the extension then says of it is the test."""
import logging
import os
import resource
import time


def handler(event, context):
    do = event["do"]
    if do == "throw":
        raise ValueError("quantity is negative")
    if do == "catch":
        try:
            {}["order"]
        except KeyError:
            logging.getLogger().exception("lookup failed, default used")
        return {"status": "default"}
    if do == "exit":
        os._exit(1)
    if do == "memory":
        resource.setrlimit(resource.RLIMIT_AS, (400 << 20, resource.RLIM_INFINITY))
        return len(bytearray(8 << 30))
    if do == "sleep":
        time.sleep(60)
    return "" if do == "empty" else {"status": "ok"}
