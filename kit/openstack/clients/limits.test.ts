// What a project may have, as Keystone's answers say it.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ManualClock } from '../../clock/index.ts'
import type { RestCall, RestClient } from '../rest.ts'
import { limitClient } from './limits.ts'

/** A Keystone that has these limits, and the paths that it was asked for. */
function keystone(state: { registered: Record<string, number>, own: Record<string, Record<string, number>>, broken?: boolean }) {
  const asked: string[] = []
  const rest: Pick<RestClient, 'call'> = {
    async call({ path }: RestCall) {
      asked.push(path)
      if (state.broken) throw new Error('Keystone is away')
      const project = new URLSearchParams(path.split('?')[1]).get('project_id')!
      const body = path.startsWith('/v3/services') ? { services: [{ id: 'images' }] }
        : path.startsWith('/v3/registered') ? { registered_limits: Object.entries(state.registered).map(([resource_name, default_limit]) => ({ resource_name, default_limit })) }
          : { limits: Object.entries(state.own[project] ?? {}).map(([resource_name, resource_limit]) => ({ resource_name, resource_limit, project_id: project })) }
      return { status: 200, body, headers: {} }
    },
  }
  return { asked, rest: rest as RestClient }
}

test('a project has what it was given, or else what is registered, and an answer holds for a while', async () => {
  const state = { registered: { image_count_total: 10, image_size_total: -1 }, own: { p1: { image_count_total: 3 } } as Record<string, Record<string, number>> }
  const { asked, rest } = keystone(state)
  const clock = new ManualClock()
  const limits = limitClient(rest, { type: 'image', clock })
  const of = async (project: string) => Object.fromEntries(await limits.of(project))
  assert.deepEqual([await of('p1'), await of('p2')], [{ image_count_total: 3, image_size_total: -1 }, { image_count_total: 10, image_size_total: -1 }])
  assert.deepEqual(asked.slice(0, 3), ['/v3/services?type=image', '/v3/registered_limits?service_id=images', '/v3/limits?service_id=images&project_id=p1'])
  state.own['p1'] = { image_count_total: 4 }
  const before = asked.length
  assert.deepEqual([(await of('p1'))['image_count_total'], asked.length], [3, before])
  await clock.advance(5001)
  assert.equal((await of('p1'))['image_count_total'], 4)
})

test('an answer that failed is not kept', async () => {
  const state = { registered: { image_count_total: 1 }, own: {}, broken: true }
  const limits = limitClient(keystone(state).rest, { type: 'image', clock: new ManualClock() })
  await assert.rejects(limits.of('p1'), /away/)
  state.broken = false
  assert.equal((await limits.of('p1')).get('image_count_total'), 1)
})
