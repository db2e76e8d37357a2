// Nova: the parts that a composition root wires.
export { computeAgentOn, type AgentOptions, type RunningAgent } from './agent/agent.ts'
export type { Images } from './agent/steps.ts'
export { fakeHypervisor, type FakeHypervisor, type FakeOptions } from './driver/fake.ts'
export type { Hypervisor, ImageBytes } from './driver/hypervisor.ts'
export { detectEmulation } from './driver/qemu/acceleration.ts'
export { qemuHypervisor, type QemuOptions } from './driver/qemu/hypervisor.ts'
