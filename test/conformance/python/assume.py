"""The embedded AWS as boto3 sees it: a role is assumed and used."""
import os

import boto3

endpoint = {"endpoint_url": os.environ["ENDPOINT"], "region_name": "us-east-1"}
sts = boto3.client("sts", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret", **endpoint)
answer = sts.assume_role(RoleArn="arn:aws:iam::210987654321:role/shared-config", RoleSessionName="boto3")
keys = answer["Credentials"]
print(answer["AssumedRoleUser"]["Arn"], keys["Expiration"].tzinfo is not None)
ssm = boto3.client(
    "ssm",
    aws_access_key_id=keys["AccessKeyId"],
    aws_secret_access_key=keys["SecretAccessKey"],
    aws_session_token=keys["SessionToken"],
    **endpoint,
)
print(ssm.get_parameter(Name="/demo/greeting")["Parameter"]["Value"])
try:
    sts.assume_role(RoleArn="arn:aws:iam::210987654321:role/none", RoleSessionName="boto3")
except sts.exceptions.ClientError as error:
    print(error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
