// What the options say of stores, and what is said of them when they are wrong.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messageOf } from '@alto/kit/errors'
import { readStores, type StoreOptions } from './store-specs.ts'

const read = (opts: Partial<StoreOptions>) => readStores({ stores: ['file:file'], defaultStore: null, storeSecrets: [], ...opts })
const said = (opts: Partial<StoreOptions>) => {
  try {
    read(opts)
  } catch (error) {
    return messageOf(error)
  }
  return undefined
}

test('a cloud has one store of files when nobody says otherwise', () => {
  assert.deepEqual(read({}), [{ id: 'file', kind: 'file', target: undefined, settings: {}, secret: undefined, description: undefined, weight: 0 }])
})

test('the default store comes first, the first that takes bytes unless another is named, and URLs keep their colons', () => {
  const stores = ['web:http', 'cheap:file:/srv/cheap?weight=5&description=Slow%20disks', 'objects:s3:https://s3.example:8443/images?access_key=AK&region=eu']
  assert.deepEqual(read({ stores, storeSecrets: ['objects:a:b,c'] }).map(one => one.id), ['cheap', 'web', 'objects'])
  const [objects, , cheap] = read({ stores, storeSecrets: ['objects:a:b,c'], defaultStore: 'objects' })
  assert.deepEqual(objects, { id: 'objects', kind: 's3', target: 'https://s3.example:8443/images', settings: { access_key: 'AK', region: 'eu' }, secret: 'a:b,c', description: undefined, weight: 0 })
  assert.deepEqual([cheap!.target, cheap!.weight, cheap!.description], ['/srv/cheap', 5, 'Slow disks'])
})

test('what is wrong with a store is said in a sentence that names it and no secret', () => {
  const s3 = 'objects:s3:https://s3.example/images?access_key=AK'
  assert.deepEqual([
    said({ stores: [] }), said({ stores: ['file'] }), said({ stores: ['a:tape'] }), said({ stores: ['a:file', 'a:file:/x'] }), said({ stores: ['os_glance_x:file'] }),
    said({ stores: ['web:http'] }), said({ defaultStore: 'none' }), said({ stores: ['a:file', 'web:http'], defaultStore: 'web' }), said({ stores: ['a:file?colour=red'] }),
    said({ stores: [s3] }), said({ stores: ['objects:s3?access_key=AK'], storeSecrets: ['objects:x'] }), said({ stores: ['objects:s3:https://s3.example/b'], storeSecrets: ['objects:x'] }),
    said({ storeSecrets: ['file:hidden'] }), said({ storeSecrets: ['nobody:hidden'] }), said({ storeSecrets: ['hidden'] }), said({ stores: ['a:file?weight=heavy'] }), said({ stores: ['web:http:http://x'] }),
  ], [
    '[glance] stores: none of them takes bytes.', '[glance] stores: file is not ID:KIND or ID:KIND:TARGET.', '[glance] stores: a is of kind tape. It may be file, http, s3, swift, rbd.',
    '[glance] stores: two are called a.', '[glance] stores: the name os_glance_x is reserved.', '[glance] stores: none of them takes bytes.', '[glance] default_store: there is no store none.',
    '[glance] default_store: web takes no bytes.', '[glance] stores: a has a setting colour. A store of kind file may have description, weight.', '[glance] store_secrets: there is none for the store objects, which needs one: objects:SECRET.',
    '[glance] stores: objects does not say where it is: objects:s3:TARGET.', '[glance] stores: objects needs the setting access_key.', '[glance] store_secrets: the store file of kind file takes none.',
    '[glance] store_secrets: there is no store nobody.', '[glance] store_secrets: entry 1 is not ID:SECRET.', '[glance] stores: a has the weight heavy, which is no integer.',
    '[glance] stores: web has no place of its own: web:http.',
  ])
})
