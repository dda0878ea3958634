# Terraform and OpenTofu: terraform apply -var layer_arn=arn:aws:lambda:…
terraform {
  required_providers {
    aws     = { source = "hashicorp/aws", version = ">= 6.0" }
    archive = { source = "hashicorp/archive", version = ">= 2.4" }
  }
}

variable "layer_arn" {
  type        = string
  description = "Of this region and the function's architecture, from the release's layers.json or your own make publish"
}

data "archive_file" "orders" {
  type        = "zip"
  source_dir  = "${path.module}/../src"
  output_path = "${path.module}/orders.zip"
}

resource "aws_lambda_function" "orders" {
  function_name    = "orders"
  role             = aws_iam_role.orders.arn
  runtime          = "python3.13"
  handler          = "app.handler"
  filename         = data.archive_file.orders.output_path
  source_code_hash = data.archive_file.orders.output_base64sha256
  architectures    = ["arm64"] # the layer has to match it
  memory_size      = 256
  timeout          = 10
  layers           = [var.layer_arn]

  environment {
    variables = {
      POWERTOOLS_SERVICE_NAME      = "orders"
      POWERTOOLS_METRICS_NAMESPACE = "Shop"
      AWS_LAMBDA_EXEC_WRAPPER      = "/opt/powertools-wrapper" # for DB_PASSWORD and the hooks; logs and metrics need only the layer
      DB_PASSWORD                  = "powertools+secret:orders/database#password"
    }
  }
}

resource "aws_iam_role" "orders" {
  name = "orders"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.orders.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

data "aws_secretsmanager_secret" "database" {
  name = "orders/database"
}

# The extension may read what the function may.
resource "aws_iam_role_policy" "database" {
  name = "database"
  role = aws_iam_role.orders.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = data.aws_secretsmanager_secret.database.arn }]
  })
}
