// The order of what an agent says of one wanted row, when messages overtake each other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databasesUnderTest } from '@alto/kit/testing'
import { migrations, type Tables } from '../index.ts'
import * as wants from '../store/wants.ts'
import { novaAlone } from './cloud.ts'

for (const { name, open } of databasesUnderTest<Tables>()) {
  test(`${name}: a report of an agent that arrives after a later one of the same life changes nothing; one of its next life, or of an agent that does not count, does`, async () => {
    await using opened = await open(migrations)
    await using cloud = await novaAlone({ db: opened.db })
    const id = await cloud.server()
    const want = async () => (await cloud.db.read(tx => wants.find(tx, id)))!
    const first = await want()
    await cloud.silence(0)
    const says = async (ports: string[], sequence?: { incarnation: string, number: number }) => {
      await cloud.nova.control.report({ serverId: id, generation: first.generation, epoch: first.epoch, observed: { ...first.observed!, ports }, ...(sequence && { sequence }) })
      return (await want()).observed!.ports
    }
    assert.deepEqual(await says(['of the agent that was silenced'], { incarnation: 'one', number: 1 }), first.observed!.ports)
    assert.deepEqual(await says(['second'], { incarnation: 'two', number: 2 }), ['second'])
    assert.deepEqual(await says(['first'], { incarnation: 'two', number: 1 }), ['second'])
    assert.deepEqual(await says(['repeated'], { incarnation: 'two', number: 2 }), ['repeated'])
    assert.deepEqual(await says(['next life'], { incarnation: 'three', number: 1 }), ['next life'])
    assert.deepEqual(await says(['older agent']), ['older agent'])
    const generation = (await cloud.db.write(tx => wants.change(tx, id, first.epoch, {})))!
    await cloud.nova.control.report({ serverId: id, generation: first.generation, epoch: first.epoch, observed: { ...first.observed!, ports: ['ninth'] }, sequence: { incarnation: 'four', number: 9 } })
    await cloud.nova.control.report({ serverId: id, generation, epoch: first.epoch, observed: { ...first.observed!, ports: ['of the next row'] }, sequence: { incarnation: 'four', number: 8 } })
    assert.deepEqual([(await want()).observed!.ports, (await want()).reportedGeneration], [['of the next row'], generation])
  })
}
