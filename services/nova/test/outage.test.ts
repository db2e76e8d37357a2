// A Nova whose bus is away for a while.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '@alto/kit/clock'
import { LocalTransport, type LocalTransportOptions } from '@alto/kit/rpc'
import { ADMIN, novaAlone } from './cloud.ts'
import { IMAGE, NETWORK } from './neighbours.ts'

/** Loses everything while it is away, and knows it, as a transport over a broker does. */
class FragileBus extends LocalTransport {
  readonly #clock: Clock
  #since: number | undefined
  #lost = 0

  constructor(options: LocalTransportOptions) {
    super({ ...options, fate: () => ({ times: this.#since === undefined ? 1 : 0, delayMs: 0 }) })
    this.#clock = options.clock
  }

  leave(): void {
    this.#since = this.#clock.now()
  }

  comeBack(): void {
    this.#lost += this.#clock.now() - this.#since!
    this.#since = undefined
  }

  override heardAgo(ms: number): number {
    return super.heardAgo(ms) - this.#lost - (this.#since === undefined ? 0 : this.#clock.now() - this.#since)
  }
}

async function cloudWithBus() {
  let bus: FragileBus | undefined
  const cloud = await novaAlone({ bus: options => bus = new FragileBus(options) })
  const states = async () => (await cloud.as(ADMIN, '2.53').get('/v2.1/os-services')).body.services.filter((one: { binary: string }) => one.binary === 'nova-compute').map((one: { state: string }) => one.state)
  return { cloud, bus: bus!, states }
}

test('without the bus for two minutes no host counts as gone, a server is accepted, and it runs soon after the bus is back', async () => {
  const { cloud, bus, states } = await cloudWithBus()
  await using _ = cloud
  assert.deepEqual(await states(), ['up'])
  bus.leave()
  await cloud.clock.advance(60_000)
  const made = await cloud.as({}, '2.96').post('/v2.1/servers', { server: { name: 'web', imageRef: IMAGE, flavorRef: '1', networks: [{ uuid: NETWORK }] } })
  assert.equal(made.status, 202)
  await cloud.clock.advance(60_000)
  assert.deepEqual(await states(), ['up'])
  assert.equal((await cloud.as({}, '2.96').get(`/v2.1/servers/${made.body.server.id}`)).body.server.status, 'BUILD')
  bus.comeBack()
  const back = cloud.clock.now()
  await cloud.settle(made.body.server.id, 'ACTIVE')
  assert.ok(cloud.clock.now() - back < 30_000, `it took ${cloud.clock.now() - back} ms`)
})

test('a host that is silent while the bus is there counts as gone after a minute of hearing, before and after an absence of the bus', async () => {
  const { cloud, bus, states } = await cloudWithBus()
  await using _ = cloud
  await cloud.silence(0)
  await cloud.clock.advance(30_000)
  bus.leave()
  await cloud.clock.advance(300_000)
  bus.comeBack()
  assert.deepEqual(await states(), ['up'])
  await cloud.clock.advance(31_000)
  assert.deepEqual(await states(), ['down'])
})
