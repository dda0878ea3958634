"""Logs one error and one plain line with the logger that the event names, each
as its documentation shows it first."""

import logging
import os
import sys

sys.path.insert(0, os.environ["LOGGERS"])


def of_logging(_):
    # The root logger has the handler of Lambda's runtime client.
    logging.getLogger().setLevel(logging.INFO)
    return logging.getLogger()


def of_tutorial(_):
    logger = logging.getLogger("orders.tutorial")
    return streamed(logger, logging.Formatter("%(asctime)s - %(name)s - %(levelname)s - %(message)s"))


def of_json(context):
    from pythonjsonlogger.json import JsonFormatter

    logger = logging.getLogger("orders.json")
    streamed(logger, JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    return logging.LoggerAdapter(logger, {"aws_request_id": context.aws_request_id})


def streamed(logger, formatter):
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return logger


def of_structlog(context):
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ]
    )
    return structlog.get_logger().bind(aws_request_id=context.aws_request_id)


def of_structlog_console(_):
    import structlog

    structlog.reset_defaults()
    return structlog.get_logger()


def of_loguru(_):
    from loguru import logger

    logger.remove()
    logger.add(sys.stderr)
    return logger


def of_loguru_json(_):
    from loguru import logger

    logger.remove()
    logger.add(sys.stderr, serialize=True)
    return logger


def of_powertools(context):
    from aws_lambda_powertools import Logger

    logger = Logger(service="orders")
    logger.append_keys(function_request_id=context.aws_request_id)
    return logger


LOGGERS = {
    "logging": of_logging,
    "logging tutorial": of_tutorial,
    "python-json-logger": of_json,
    "structlog": of_structlog,
    "structlog console": of_structlog_console,
    "loguru": of_loguru,
    "loguru serialized": of_loguru_json,
    "powertools": of_powertools,
}


def handler(event, context):
    log = LOGGERS[event["logger"]](context)
    log.error("charge failed")
    log.info("order accepted")
    return {}
