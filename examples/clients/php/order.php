<?php
// Everything that the extension does over HTTP, with PHP's own streams.

function call(string $method, string $path, ?string $body = null): array
{
    $port = getenv('POWERTOOLS_EXTENSION_HTTP_PORT') ?: '2773';
    // Under SnapStart the token is in the second variable. It is read for each
    // call, because a restored sandbox has another one.
    $token = getenv('AWS_SESSION_TOKEN') ?: getenv('AWS_CONTAINER_AUTHORIZATION_TOKEN');
    $context = stream_context_create(['http' => [
        'method' => $method, 'content' => $body ?? '', 'timeout' => 5, 'ignore_errors' => true,
        'header' => ["X-Aws-Parameters-Secrets-Token: $token", 'Content-Type: application/json'],
    ]]);
    $text = file_get_contents("http://127.0.0.1:$port$path", false, $context);
    if ($text === false) {
        throw new RuntimeException('the extension does not answer');
    }
    $status = (int) explode(' ', $http_response_header[0])[1];
    if ($status >= 300) {
        throw new RuntimeException("$status $text"); // the error document: it has no values
    }
    return [$status, $text];
}

$order = $argv[1];
[, $greeting] = call('GET', '/parameters/ssm/demo/greeting?format=text');
$burst = json_decode(call('GET', '/parameters/ssm/demo/config.json?format=text')[1], true)['limits']['burst'];
[, $password] = call('GET', '/parameters/secrets/demo/database?key=password&format=text');
$premium = call('GET', '/flags/premium?context.tier=gold&format=text')[1] === 'true';

// Idempotency in three steps: ask, run, complete.
[$status, $text] = call('POST', '/idempotency/begin', json_encode(['key' => $order]));
$state = json_decode($text, true);
$charge = $state['data'] ?? null; // 200: the stored answer
if ($status === 201) {
    echo json_encode(['level' => 'INFO', 'message' => 'charging', 'order' => $order]), "\n";
    $charge = "charged $order";
    call('POST', '/idempotency/complete?id=' . $state['id'], json_encode($charge));
}

call('POST', '/metrics', json_encode(['metrics' => [['name' => 'OrdersPlaced', 'unit' => 'Count', 'value' => 1]]]));

// A log line: the extension adds request id, service and the rest.
echo json_encode(['level' => 'INFO', 'message' => 'order placed', 'order' => $order, 'greeting' => $greeting, 'burst' => $burst,
    'password_length' => strlen($password), 'premium' => $premium, 'charge' => $charge]), "\n";
