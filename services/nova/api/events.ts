// /os-server-external-events: what other services tell; /extensions: what upstream's list of extensions has become.
import { answer, route, t, versioned, type AnyRoute } from '@alto/kit/http'
import type { EventManager } from '../manager/events.ts'
import { notFound } from '../model/faults.ts'
import * as rules from '../policy/events.ts'

function eventsBody(minor: number) {
  const names = ['network-changed', 'network-vif-plugged', 'network-vif-unplugged', 'network-vif-deleted', ...(minor >= 51 ? ['volume-extended'] : []), ...(minor >= 76 ? ['power-update'] : []), ...(minor >= 82 ? ['accelerator-request-bound'] : []), ...(minor >= 93 ? ['volume-reimaged'] : [])]
  const event = t.object({ server_uuid: t.uuid(), name: t.oneOf(...names), status: t.optional(t.oneOf('failed', 'completed', 'in-progress')), tag: t.optional(t.string()) })
  return { since: [2, minor] as const, schema: t.object({ events: t.array(event, { max: 1000, min: 1 }) }) }
}

/** Routes of external events and extensions. */
export function eventRoutes(events: EventManager): AnyRoute[] {
  return [
    route({
      method: 'POST', path: '/v2.1/os-server-external-events', rule: rules.CREATE, status: 200, summary: 'Run Events', body: versioned(eventsBody(93), eventsBody(82), eventsBody(76), eventsBody(51), eventsBody(1)),
      async handle({ ctx, body }) {
        const asked = (body as { events: { server_uuid: string, name: string, status?: string, tag?: string }[] }).events
        const outcomes = await events.create(ctx, asked.map(one => ({ serverId: one.server_uuid, name: one.name, tag: one.tag, status: one.status })))
        const all = outcomes.map(({ event, code }) => ({ server_uuid: event.serverId, name: event.name, status: code === 200 ? event.status ?? 'completed' : 'failed', ...(event.tag !== undefined && { tag: event.tag }), code }))
        if (all.every(one => one.code === 404)) throw notFound('servers', 'No instances found for any event')
        return answer({ events: all }, { status: all.every(one => one.code === 200) ? 200 : 207 })
      },
    }),
    route({ method: 'GET', path: '/v2.1/extensions', rule: rules.EXTENSIONS, status: 200, summary: 'List Extensions', async handle({ ctx }) { ctx.authorize(rules.EXTENSIONS, {}); return { extensions: [] } } }),
  ]
}
