import { test } from 'node:test'
import { assertBlessed } from '@alto/kit/testing'
import { networkAgent, networkControl } from './network-agent.ts'

const BLESSED = new URL('blessed/', import.meta.url)

test('what network agents in the field were promised is kept', async () => {
  await assertBlessed(networkAgent, BLESSED)
  await assertBlessed(networkControl, BLESSED)
})
