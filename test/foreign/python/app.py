"""A function with somebody else's internal extension: lambda-sigterm, which
registers so that Lambda announces the end of the sandbox with SIGTERM."""

import signal
import sys

import lambda_sigterm


def goodbye(_signum, _frame):
    print("the function said goodbye", flush=True)
    sys.exit(0)


signal.signal(signal.SIGTERM, goodbye)
lambda_sigterm.register()


def handler(event, context):
    print("a line of the function", flush=True)
    return {"request_id": context.aws_request_id}
