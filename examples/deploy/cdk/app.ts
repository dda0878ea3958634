// AWS CDK: npx cdk deploy --app 'npx ts-node app.ts' --context layerArn=arn:aws:lambda:…
import { App, Duration, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secrets from 'aws-cdk-lib/aws-secretsmanager';

const app = new App();
const stack = new Stack(app, 'Orders');

const orders = new lambda.Function(stack, 'Function', {
  runtime: lambda.Runtime.PYTHON_3_13,
  handler: 'app.handler',
  code: lambda.Code.fromAsset('../src'),
  architecture: lambda.Architecture.ARM_64, // the layer has to match it
  memorySize: 256,
  timeout: Duration.seconds(10),
  layers: [lambda.LayerVersion.fromLayerVersionArn(stack, 'Powertools', app.node.getContext('layerArn'))],
  environment: {
    POWERTOOLS_SERVICE_NAME: 'orders',
    POWERTOOLS_METRICS_NAMESPACE: 'Shop',
    AWS_LAMBDA_EXEC_WRAPPER: '/opt/powertools-wrapper', // for DB_PASSWORD and the hooks; logs and metrics need only the layer
    DB_PASSWORD: 'powertools+secret:orders/database#password',
  },
});

// The extension may read what the function may.
secrets.Secret.fromSecretNameV2(stack, 'Database', 'orders/database').grantRead(orders);
