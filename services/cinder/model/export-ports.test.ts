import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '@alto/kit/errors'
import { freePort, portRange } from './export-ports.ts'

test('a range of ports is read, and what is none is refused at start', () => {
  assert.deepEqual([portRange('10809-11808'), portRange('7-7')], [{ first: 10_809, last: 11_808 }, { first: 7, last: 7 }])
  for (const bad of ['', '7', '8-7', '0-7', '1-65536', '1-2-3', 'a-b', '-1-5']) assert.throws(() => portRange(bad), /nbd_ports/)
})

test('the lowest free port is given, and when none is free the host is named', () => {
  assert.deepEqual([freePort('h', { first: 5, last: 7 }, new Set([5, 7])), freePort('h', { first: 5, last: 7 }, new Set([9]))], [6, 5])
  assert.throws(() => freePort('h', { first: 5, last: 6 }, new Set([5, 6])), error => isFault(error, 'cinder.export.noPort') && error.message.includes('host h'))
})
