// Neutron: the parts that a composition root wires.
export { startFakeNetworkAgent, startLinuxNetworkAgent, type NetworkHostOptions } from './agent/start.ts'
export type { RunningNetworkAgent } from './agent/network-agent.ts'
export type { MetadataProxyOptions } from './agent/metadata.ts'
export { eraseLinuxNetwork } from './driver/linux/driver.ts'
