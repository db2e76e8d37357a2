// Whole lives of a small cloud from a seed: requests, reports, faults, crashes and restarts of two controllers in any order. At the end nothing is stuck and nothing is left.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../../errors/index.ts'
import { type Ids, seededIds } from '../../ids/index.ts'
import { databasesUnderTest } from '../../testing/databases.ts'
import { Crash, type TaskPoint, type TaskRunner } from '../index.ts'
import { type CloudTables, ExampleCloud } from './example.ts'

const SEEDS = 25
const TURNS = 80

for (const { name, open } of databasesUnderTest<CloudTables>()) {
  for (let seed = 1; seed <= SEEDS; seed++) {
    test(`${name}: nothing is stuck or left behind after the life of seed ${seed}`, async () => {
      await using database = await open()
      await using cloud = await ExampleCloud.open(database.db)
      const [chance, servers] = [seededIds(seed), [] as string[]]
      let calm = false
      const at = (point: TaskPoint) => { if (!calm) disturb(chance, point) }
      const runners = new Map<string, TaskRunner<CloudTables>>()
      const revive = async () => {
        for (const host of ['a', 'b']) if (runners.get(host)?.crashed ?? true) runners.set(host, await cloud.runner({ host, at }))
      }
      await revive()
      for (let turn = 0; turn < TURNS; turn++) {
        const server = servers[chance.below(servers.length || 1)]
        switch (chance.below(6)) {
          case 0: servers.push(`s${servers.length}`); await cloud.create(servers.at(-1)!); break
          case 1: if (server !== undefined && chance.below(2) === 0) await cloud.delete(server); break
          case 2: if (server !== undefined) await cloud.observe(server, 'running'); break
          case 3: await cloud.clock.advance(chance.below(20_000)); break
          case 4: await Promise.all([...runners.values()].map(runner => runner.idle())); break
          default: if (chance.below(3) === 0) await revive()
        }
      }
      calm = true
      await revive()
      await settle(cloud, runners, servers)
      for (const id of servers) if ((await cloud.server(id))?.status === 'ERROR') await cloud.delete(id)
      await settle(cloud, runners, servers)

      const alive = []
      for (const id of servers) {
        const server = await cloud.server(id)
        if (server) alive.push(id)
        assert.ok(server === undefined || server.status === 'ACTIVE', `${id} is ${server?.status}: ${server?.reason}`)
      }
      const { ports, claims } = cloud.elsewhere()
      assert.deepEqual({ ports: ports.toSorted(), claims: claims.toSorted() }, { ports: alive.toSorted(), claims: alive.toSorted() })
    })
  }
}

function disturb(chance: Ids, point: TaskPoint): void {
  const fate = chance.below(100)
  if (fate < 4) throw new Crash(point)
  if (point.moment.endsWith('Record')) return
  if (fate < 14) throw new Fault('unavailable', 'sim.away', 'away')
  if (fate < 18) throw new Error('sim: nobody foresaw this')
  if (fate < 21) throw new Fault('conflict', 'sim.refused', 'refused')
}

async function settle(cloud: ExampleCloud, runners: ReadonlyMap<string, TaskRunner<CloudTables>>, servers: readonly string[]): Promise<void> {
  for (let turn = 0; turn < 400; turn++) {
    for (const runner of runners.values()) await runner.idle()
    const open = await Promise.all(servers.map(id => cloud.db.read(tx => cloud.queue.open(tx, id))))
    if (open.every(tasks => tasks.length === 0)) return
    for (const id of servers) await cloud.observe(id, 'running')
    await cloud.clock.advance(5_000)
  }
  assert.fail('some task never ends')
}
