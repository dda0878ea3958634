"""Calls the generated client."""
import os

from api import AuthenticatedClient
from api.api.extension import ping
from api.api.function import record_metrics
from api.api.parameters import get_parameter, get_secret, purge_cache
from api.models import MetricObject, MetricObjectMetricsItem

client = AuthenticatedClient(base_url=os.environ["API"], token=os.environ["AWS_SESSION_TOKEN"], prefix="",
                             auth_header_name="X-Aws-Parameters-Secrets-Token")

parameter = get_parameter.sync("/app/db", client=client)
print(parameter.name, parameter.value, parameter.version, parameter.source.value)
print(get_secret.sync("app/key", client=client).value)
missing = get_parameter.sync("none", client=client)
print(missing.code, missing.status)
recorded = record_metrics.sync(client=client, body=MetricObject(metrics=[MetricObjectMetricsItem(name="orders", value=1)]))
print("accepted", recorded.accepted)
print("purged", str(purge_cache.sync(client=client).purged > 0).lower())
print(ping.sync_detailed(client=client).content.decode())
