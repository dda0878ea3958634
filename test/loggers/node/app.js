// Logs one error and one plain line with the logger that the event names,
// each as its documentation shows it first.
const { createRequire } = require('node:module');

const load = createRequire(`${process.env.LOGGERS}/`);

const loggers = {
  console: () => console,
  'console of an object': () => ({
    error: (text) => console.log(JSON.stringify({ level: 'error', message: text })),
    info: (text) => console.log(JSON.stringify({ level: 'info', message: text })),
  }),
  pino: (id) => load('pino')().child({ awsRequestId: id }),
  winston: (id) => {
    const { createLogger, format, transports } = load('winston');
    return createLogger({
      defaultMeta: { requestId: id },
      format: format.combine(format.timestamp(), format.json()),
      transports: [new transports.Console()],
    });
  },
  'winston simple': () => {
    const { createLogger, format, transports } = load('winston');
    return createLogger({ format: format.combine(format.colorize({ level: true }), format.simple()), transports: [new transports.Console()] });
  },
  bunyan: (id) => load('bunyan').createLogger({ name: 'orders', awsRequestId: id }),
  powertools: (id, context) => {
    const { Logger } = load('@aws-lambda-powertools/logger');
    const logger = new Logger({ serviceName: 'orders' });
    logger.addContext(context);
    return logger;
  },
};

exports.handler = async (event, context) => {
  const log = loggers[event.logger](context.awsRequestId, context);
  log.error('charge failed');
  log.info('order accepted');
  return {};
};
