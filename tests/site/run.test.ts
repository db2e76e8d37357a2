// The site, briefly: two controllers and two hosts as processes of their own, two guests on one network, one on each host.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { site } from './site.ts'

test('a site starts', async () => {
  await using undo = new AsyncDisposableStack()
  const one = await site()
  undo.defer(() => one.remove())
  await one.up()
  console.log(await one.os('server', 'list'), await one.osText('alto-admin', 'hypervisor', 'list'), await one.osText('alto-admin', 'network', 'agent', 'list'))
  console.log(await one.audit())
  await one.down()
  assert.deepEqual(await one.traces(), [])
})
