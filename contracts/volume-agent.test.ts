import { test } from 'node:test'
import { assertBlessed } from '@alto/kit/testing'
import { volumeAgent, volumeControl } from './volume-agent.ts'

test('what cinder and its volume agents promised each other is unchanged', async () => {
  await assertBlessed(volumeAgent, new URL('./blessed/', import.meta.url))
  await assertBlessed(volumeControl, new URL('./blessed/', import.meta.url))
})
