import { test } from 'node:test'
import { assertBlessed } from '@alto/kit/testing'
import { computeAgent, computeControl } from './compute-agent.ts'

test('what nova and its compute agents promised each other is unchanged', async () => {
  await assertBlessed(computeAgent, new URL('./blessed/', import.meta.url))
  await assertBlessed(computeControl, new URL('./blessed/', import.meta.url))
})
