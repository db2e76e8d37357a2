// Calls and casts between parts of the cloud: a contract, the two sides made from it, and what carries the messages.
export { type Contract, contract, type ContractVersion, type Method, type MethodTable, type Methods } from './contract.ts'
export { client, type ClientOptions, refuseOldPeer } from './client.ts'
export { RemoteError } from './wire.ts'
export type { Cast, Reply, Request, ServeOptions, Serving, Transport } from './transport.ts'
export { type Fate, LocalTransport, type LocalTransportOptions } from './local.ts'
export { type AmqpOptions, AmqpTransport } from './amqp.ts'
