"""Answers one JSON question per line of stdin with one line of stdout, by the
libraries that the extension stands beside: feature flags, JMESPath, schemas."""

import base64
import datetime
import json
import sys

import fastjsonschema
import jmespath

from aws_lambda_powertools.utilities.feature_flags import FeatureFlags, comparators
from aws_lambda_powertools.utilities.feature_flags.exceptions import SchemaValidationError
from aws_lambda_powertools.utilities.jmespath_utils import PowertoolsFunctions
from aws_lambda_powertools.utilities.validation import SchemaValidationError as Invalid
from aws_lambda_powertools.utilities.validation import validate
from aws_lambda_powertools.utilities.validation.exceptions import (
    InvalidEnvelopeExpressionError,
    InvalidSchemaFormatError,
)

now = None
comparators._get_now_from_timezone = lambda zone: now.astimezone(zone or datetime.timezone.utc)


class Store:
    def __init__(self, document):
        self.document = document

    def get_configuration(self):
        return self.document

    @property
    def get_raw_configuration(self):
        return self.document


def flags(q):
    global now
    now = datetime.datetime.fromtimestamp(q["now"], datetime.timezone.utc)
    engine = FeatureFlags(store=Store(q["document"]))
    try:
        values = {name: engine.evaluate(name=name, context=q["context"], default=None) for name in q["document"]}
        return {"values": values, "enabled": engine.get_enabled_features(context=q["context"])}
    except SchemaValidationError as e:
        return {"error": "schema", "text": str(e)}


def query(q):
    try:
        options = jmespath.Options(custom_functions=PowertoolsFunctions())
        return {"value": jmespath.search(q["expression"], q["data"], options=options)}
    except Exception as e:
        return {"error": type(e).__name__, "text": str(e)}


def schema(q):
    try:
        check = fastjsonschema.compile(q["schema"], use_default=False, use_formats=False)
    except Exception as e:
        return {"error": type(e).__name__, "text": str(e)}
    try:
        check(q["data"])
        return {"valid": True}
    except fastjsonschema.JsonSchemaException as e:
        return {"valid": False, "text": e.message}
    except Exception as e:
        return {"error": type(e).__name__, "text": str(e)}


def validation(q):
    try:
        validate(event=q["data"], schema=q["schema"], envelope=q.get("envelope"))
        return {"class": "valid"}
    except Invalid:
        return {"class": "SchemaValidationError"}
    except InvalidSchemaFormatError:
        return {"class": "bad_schema"}
    except InvalidEnvelopeExpressionError:
        return {"class": "bad_envelope"}
    except Exception as e:
        return {"class": "bad_envelope", "text": type(e).__name__}


kinds = {"flags": flags, "query": query, "schema": schema, "validation": validation}
for line in sys.stdin:
    q = json.loads(line)
    print(json.dumps(kinds[q["kind"]](q)), flush=True)
