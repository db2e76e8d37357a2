// The order of what an agent says of one wanted disk, when messages overtake each other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databasesUnderTest } from '@alto/kit/testing'
import { migrations, type Tables } from '../index.ts'
import * as disks from '../store/disks.ts'
import { cinderAlone } from './cloud.ts'

for (const { name, open } of databasesUnderTest<Tables>()) {
  test(`${name}: a report of an agent that arrives after a later one of the same life changes nothing; one of its next life, or of an agent that does not count, does`, async () => {
    await using opened = await open(migrations)
    await using cloud = await cinderAlone({ db: opened.db })
    const id = await cloud.volume()
    const disk = async () => (await cloud.db.read(tx => disks.find(tx, id)))!
    const first = await disk()
    const says = async (sizeBytes: number, sequence?: { incarnation: string, number: number }) => {
      await cloud.cinder.control.report({ diskId: id, generation: first.generation, epoch: first.epoch, observed: { ...first.observed!, sizeBytes }, ...(sequence && { sequence }) })
      return (await disk()).observed!.sizeBytes
    }
    assert.equal(await says(1, { incarnation: 'i1', number: 1 }), first.observed!.sizeBytes)
    assert.equal(await says(2, { incarnation: 'i2', number: 2 }), 2)
    assert.equal(await says(3, { incarnation: 'i2', number: 1 }), 2)
    assert.equal(await says(4, { incarnation: 'i2', number: 2 }), 4)
    assert.equal(await says(5, { incarnation: 'i3', number: 1 }), 5)
    assert.equal(await says(6), 6)
  })
}
