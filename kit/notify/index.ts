// What happened, told to whoever listens beside the cloud: metering, billing, audit. Nothing in the cloud depends on it.
export { envelope, type Notification, type Notifier } from './envelope.ts'
export { AmqpNotifier, type AmqpNotifierOptions } from './amqp.ts'
