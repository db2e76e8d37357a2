// The transport inside one process: what every transport promises, and what only it can: fates from a seed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../clock/index.ts'
import { memoryLog } from '../log/index.ts'
import { client, type Contract, contract, type Fate, LocalTransport } from './index.ts'
import { guestAgent, type GuestAgent, quietAgent, testTransport } from './transport.conformance.ts'

testTransport('in one process', async () => {
  const { rpc, clock, log } = wires()
  return { caller: rpc, agent: rpc, neighbour: rpc, clock, log, ready: async () => {} }
})

test('a message may be lost, repeated and overtaken, as the simulation decides', async () => {
  const fates: Fate[] = [{ times: 0, delayMs: 0 }, { times: 2, delayMs: 10 }, { times: 1, delayMs: 5 }]
  const { rpc, clock } = wires(() => fates.shift()!)
  const seen: number[] = []
  rpc.serve(guestAgent, 'host1', { ...quietAgent, look: async ({ generation }) => { seen.push(generation) } })
  const agent = client(guestAgent, rpc, 'host1')
  for (const generation of [1, 2, 3]) await agent.look({ serverId: 's1', generation })
  await clock.advance(10)
  assert.deepEqual(seen, [3, 2, 2])
})

test('a request may be carried out and its answer lost', async () => {
  const { rpc, clock } = wires(() => ({ times: 1, delayMs: 0, replyLost: true }))
  let asked = 0
  rpc.serve(guestAgent, 'host1', { ...quietAgent, console: async () => { asked++; return { text: 'login:' } } })
  const refused = assert.rejects(client(guestAgent, rpc, 'host1', { deadlineMs: 50 }).console({ lines: 1 }), /did not answer/)
  await clock.advance(60_000)
  await refused
  assert.equal(asked, 1)
})

test('an agent that closes is not there for new calls while it answers the old ones', async () => {
  const { rpc } = wires()
  const serving = rpc.serve(guestAgent, 'host1', { ...quietAgent, console: () => new Promise(() => {}) })
  void client(guestAgent, rpc, 'host1').console({ lines: 1 })
  await new Promise(resolve => setImmediate(resolve))
  void serving.close()
  await assert.rejects(client(guestAgent, rpc, 'host1').console({ lines: 1 }), /nobody answers/)
})

test('a contract whose table is newer than its version cannot be declared', () => {
  const later = { ...guestAgent.methods, look: { kind: 'cast', since: '1.1' } } as Contract<GuestAgent>['methods']
  assert.throws(() => contract<GuestAgent>('guest-agent', '1.0', later), /'look' is since 1.1/)
  assert.throws(() => contract<GuestAgent>('GuestAgent', '1.0', guestAgent.methods), /kebab-case/)
})

function wires(fate?: () => Fate) {
  const [clock, log] = [new ManualClock(), memoryLog()]
  return { clock, log, rpc: new LocalTransport({ clock, log, ...(fate && { fate }) }) }
}
