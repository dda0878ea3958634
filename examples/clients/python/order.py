# Everything that the extension does over HTTP, with the client beside it.
import json
import sys

import powertools

order = sys.argv[1]


def charge():
    print(json.dumps({"level": "INFO", "message": "charging", "order": order}))
    return "charged " + order


answer = {
    "level": "INFO",
    "message": "order placed",
    "order": order,
    "greeting": powertools.parameter("/demo/greeting"),
    "burst": json.loads(powertools.parameter("/demo/config.json"))["limits"]["burst"],
    "password_length": len(powertools.secret("demo/database", key="password")),
    "premium": powertools.flag("premium", tier="gold"),
    "charge": powertools.idempotent(order, charge),
}
powertools.metric("OrdersPlaced")
print(json.dumps(answer))  # a log line: the extension adds request id, service and the rest
