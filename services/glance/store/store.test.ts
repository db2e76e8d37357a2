// SQL of images and blobs, on every database.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { isUniqueViolation } from '@alto/kit/db'
import { databasesUnderTest } from '@alto/kit/testing'
import type { Blob } from '../model/blobs.ts'
import type { Image } from '../model/images.ts'
import { readListing } from '../model/listing.ts'
import * as blobs from './blobs.ts'
import * as images from './images.ts'
import { findBroken } from './invariants.ts'
import { list } from './listings.ts'
import { migrations, type Tables } from './tables.ts'
import * as usage from './usage.ts'

const image = (id: string, more: Partial<Image> = {}): Image => ({
  id, owner: 'p1', name: id, status: 'queued', visibility: 'shared', diskFormat: 'raw', containerFormat: 'bare', size: null, virtualSize: null, checksum: null, hashAlgo: null, hashValue: null, minRam: 0, minDisk: 0,
  isProtected: false, hidden: false, createdAt: 1, updatedAt: 1, generation: 0, properties: {}, tags: [], ...more,
})
const blob = (id: string, imageId: string, more: Partial<Blob> = {}): Blob => ({ id, imageId, store: 'file', state: 'writing', size: undefined, writer: 'here', createdAt: 1, ...more })

for (const { name, open } of databasesUnderTest<Tables>()) {
  test(`${name}: an image is read as it was written`, async () => {
    await using opened = await open(migrations)
    const made = image('a', { properties: { colour: 'red', toString: 'x' }, tags: ['a', 'b'], size: 2 ** 45, isProtected: true })
    await opened.db.write(tx => images.insert(tx, made, undefined))
    assert.deepEqual(await opened.db.read(tx => images.find(tx, 'a')), made)
  })

  test(`${name}: of two changes of one generation one is made`, async () => {
    await using opened = await open(migrations)
    const { db } = opened
    await db.write(tx => images.insert(tx, image('a'), undefined))
    const read = (await db.read(tx => images.find(tx, 'a')))!
    assert.equal(await db.write(tx => images.update(tx, read, { ...read, name: 'one', properties: { k: 'v' } })), true)
    assert.equal(await db.write(tx => images.update(tx, read, { ...read, name: 'two' })), false)
    assert.deepEqual(await db.read(tx => images.find(tx, 'a')), { ...read, name: 'one', properties: { k: 'v' }, generation: 1 })
  })

  test(`${name}: an image has one blob that is not doomed`, async () => {
    await using opened = await open(migrations)
    const { db } = opened
    await db.write(async tx => { await images.insert(tx, image('a'), undefined); await blobs.insert(tx, blob('b1', 'a')) })
    await assert.rejects(db.write(tx => blobs.insert(tx, blob('b2', 'a'))), error => isUniqueViolation(error))
    assert.deepEqual(await db.write(tx => blobs.doomOf(tx, 'a')), [])
    await db.write(tx => blobs.insert(tx, blob('b2', 'a')))
    assert.deepEqual((await db.read(tx => blobs.leftBy(tx, 'here'))).map(one => [one.id, one.state]), [['b1', 'doomed'], ['b2', 'writing']])
    assert.deepEqual(await db.read(tx => blobs.leftBy(tx, 'there')), [])
  })

  test(`${name}: a list is filtered by whatever a query can say, and paged over ties and missing values`, async () => {
    await using opened = await open(migrations)
    const { db } = opened
    await db.write(async tx => {
      for (const [i, name] of ['a', 'b', null, 'd', null].entries()) await images.insert(tx, image(`i${i}`, { name, minRam: i, size: i % 2 ? i : null, createdAt: i, updatedAt: 5 - i, tags: i > 2 ? ['late'] : [], properties: { even: String(i % 2 === 0) } }), undefined)
    })
    const ask = async (query: string, marker?: string) => {
      const listing = readListing(new URLSearchParams(query), { otherwise: 25, most: 1000 })
      return db.read(async tx => (await list(tx, { admin: true, projectId: 'px' }, listing, marker === undefined ? undefined : await images.find(tx, marker))).rows.map(row => row.id).join(' '))
    }
    for (const [query, expected] of [
      ['', 'i4 i3 i2 i1 i0'], ['name=in:', ''], ['name=in:a,d', 'i3 i0'], ['min_ram_max=999999999999999', 'i4 i3 i2 i1 i0'], ['min_ram_min=3', 'i4 i3'], ['min_ram=999999999999999', ''], ['min_disk_min=-1', 'i4 i3 i2 i1 i0'], ['size_min=0', 'i3 i1'],
      ['tag=late&even=true', 'i4'], ['created_at=gt:1969-01-01', 'i4 i3 i2 i1 i0'], ['sort=updated_at:asc', 'i4 i3 i2 i1 i0'], ['sort=name:asc,size:desc', 'i4 i2 i0 i1 i3'],
    ] as const) assert.equal(await ask(query), expected, query)
    for (const sort of ['sort=name:asc', 'sort=name:desc', 'sort=size:asc', 'sort=size:desc,name:asc', 'sort=updated_at', 'sort=id:asc', 'sort=status:asc', 'sort=created_at:asc']) {
      const paged: string[] = []
      while (paged.length < 5) paged.push(await ask(`${sort}&limit=1`, paged.at(-1)))
      assert.equal(paged.join(' '), await ask(sort), sort)
    }
  })

  test(`${name}: usage never passes its limit`, async () => {
    await using opened = await open(migrations)
    const { db } = opened
    assert.equal(await db.write(tx => usage.take(tx, 'p1', 60, 100)), true)
    assert.deepEqual((await Promise.all([30, 30].map(bytes => db.write(tx => usage.take(tx, 'p1', bytes, 100))))).filter(Boolean).length, 1)
    await db.write(tx => usage.giveBack(tx, 'p1', 60))
    assert.equal(await db.read(tx => usage.used(tx, 'p1')), 30)
  })

  test(`${name}: each rule of the rows names the rows that break it`, async () => {
    await using opened = await open(migrations)
    const { db } = opened
    assert.deepEqual(await db.read(findBroken), [])
    await db.write(async tx => {
      await images.insert(tx, image('active', { status: 'active', size: 5 }), undefined)
      await images.insert(tx, image('saving', { status: 'saving' }), undefined)
      await images.insert(tx, image('staging', { status: 'uploading' }), undefined)
      await images.insert(tx, image('queued'), undefined)
      await blobs.insert(tx, blob('kept', 'queued', { state: 'kept', size: 1 }))
      await blobs.insert(tx, blob('staged', 'active', { state: 'staged', size: 1 }))
      await images.insert(tx, image('deleted', { status: 'deleted' }), undefined)
      await usage.take(tx, 'p1', 7, 10)
    })
    assert.deepEqual((await db.read(findBroken)).map(({ invariant, where }) => [invariant, where]), [
      ['an active or deactivated image has its bytes', 'active'], ['an image that is being saved has a writer', 'saving'], ['an image that is being staged has bytes', 'staging'],
      ['kept bytes belong to an image that is there', 'kept'], ['a queued or deleted image has no bytes', 'queued'], ['staged bytes wait for an import', 'staged'], ['a deleted image says so twice', 'deleted'], ["a project's usage is the sum of its images", 'p1'],
    ])
  })
}
