"""Pulumi: pulumi config set layerArn arn:aws:lambda:… && pulumi up"""

import json

import pulumi
import pulumi_aws as aws

role = aws.iam.Role(
    "orders",
    assume_role_policy=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}],
    }),
)
aws.iam.RolePolicyAttachment(
    "logs",
    role=role.name,
    policy_arn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
)

# The extension may read what the function may.
database = aws.secretsmanager.get_secret_output(name="orders/database")
aws.iam.RolePolicy(
    "database",
    role=role.id,
    policy=pulumi.Output.json_dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": database.arn}],
    }),
)

orders = aws.lambda_.Function(
    "orders",
    role=role.arn,
    runtime="python3.13",
    handler="app.handler",
    code=pulumi.FileArchive("../src"),
    architectures=["arm64"],  # the layer has to match it
    memory_size=256,
    timeout=10,
    layers=[pulumi.Config().require("layerArn")],
    environment={
        "variables": {
            "POWERTOOLS_SERVICE_NAME": "orders",
            "POWERTOOLS_METRICS_NAMESPACE": "Shop",
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/powertools-wrapper",  # for DB_PASSWORD and the hooks; logs and metrics need only the layer
            "DB_PASSWORD": "powertools+secret:orders/database#password",
        }
    },
)
pulumi.export("function", orders.name)
