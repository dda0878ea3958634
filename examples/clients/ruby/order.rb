# Everything that the extension does over HTTP, with Ruby's standard library.
require 'json'
require 'net/http'

$stdout.sync = true

def call(method, path, body = nil)
  # Under SnapStart the token is in the second variable. It is read for each
  # call, because a restored sandbox has another one.
  token = ENV['AWS_SESSION_TOKEN'] || ENV.fetch('AWS_CONTAINER_AUTHORIZATION_TOKEN', '')
  # nil: a proxy in the environment is not for the sandbox's own port.
  http = Net::HTTP.new('127.0.0.1', ENV.fetch('POWERTOOLS_EXTENSION_HTTP_PORT', '2773').to_i, nil)
  http.read_timeout = 5
  answer = http.send_request(method, path, body, 'X-Aws-Parameters-Secrets-Token' => token, 'Content-Type' => 'application/json')
  raise "#{answer.code} #{answer.body}" if answer.code.to_i >= 300 # the error document: it has no values

  [answer.code.to_i, answer.body.to_s.dup.force_encoding('UTF-8')]
end

order = ARGV.fetch(0)
greeting = call('GET', '/parameters/ssm/demo/greeting?format=text')[1]
burst = JSON.parse(call('GET', '/parameters/ssm/demo/config.json?format=text')[1])['limits']['burst']
password = call('GET', '/parameters/secrets/demo/database?key=password&format=text')[1]
premium = call('GET', '/flags/premium?context.tier=gold&format=text')[1] == 'true'

# Idempotency in three steps: ask, run, complete.
status, text = call('POST', '/idempotency/begin', { key: order }.to_json)
state = JSON.parse(text)
charge = state['data'] # 200: the stored answer
if status == 201
  puts({ level: 'INFO', message: 'charging', order: order }.to_json)
  charge = "charged #{order}"
  call('POST', "/idempotency/complete?id=#{state['id']}", charge.to_json)
end

call('POST', '/metrics', { metrics: [{ name: 'OrdersPlaced', unit: 'Count', value: 1 }] }.to_json)

# A log line: the extension adds request id, service and the rest.
puts({ level: 'INFO', message: 'order placed', order: order, greeting: greeting, burst: burst,
       password_length: password.length, premium: premium, charge: charge }.to_json)
