# A function on the Runtime API that logs one error and one plain line with the
# logger that the event names.
require 'json'
require 'logger'
require 'net/http'

$stdout.sync = true
LOGGERS = {
  'Logger' => ->(_) { Logger.new($stdout) },
  'Logger json' => lambda { |id|
    Logger.new($stdout, formatter: lambda { |severity, time, _, message|
      "#{JSON.generate(severity: severity, time: time, message: message, aws_request_id: id)}\n"
    })
  }
}.freeze

host, port = ENV.fetch('AWS_LAMBDA_RUNTIME_API').split(':')
BASE = '/2018-06-01/runtime/invocation/'
loop do
  Net::HTTP.start(host, port.to_i, nil, read_timeout: 600) do |http|
    event = http.get("#{BASE}next")
    id = event['Lambda-Runtime-Aws-Request-Id']
    log = LOGGERS.fetch(JSON.parse(event.body).fetch('logger')).call(id)
    log.error('charge failed')
    log.info('order accepted')
    http.post("#{BASE}#{id}/response", '{}')
  end
end
