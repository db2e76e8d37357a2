// POST /servers/{id}/action: the body's one key says what to do.
import { answer, route, t, type AnyRoute } from '@alto/kit/http'
import type { Context } from '@alto/kit/context'
import type { ConsoleManager } from '../manager/consoles.ts'
import type { InterfaceManager } from '../manager/interfaces.ts'
import type { PowerManager } from '../manager/power.ts'
import type { ServerManager } from '../manager/servers.ts'
import type { SnapshotManager } from '../manager/snapshots.ts'
import { invalid, notFound } from '../model/faults.ts'
import * as consoleRules from '../policy/consoles.ts'
import * as groupRules from '../policy/security-groups.ts'
import * as actionRules from '../policy/server-actions.ts'
import * as rules from '../policy/servers.ts'
import { atLeast, metadata, name, serverId, type Version } from './parts.ts'

interface Managers { servers: ServerManager, power: PowerManager, snapshots: SnapshotManager, interfaces: InterfaceManager, consoles: ConsoleManager }
interface Asked { ctx: Context, id: string, value: unknown, version: Version }

const nothing = t.anything()
const group = t.object({ name: t.string({ min: 1 }) })
const ACTIONS = {
  'os-start': nothing, 'os-stop': nothing, 'pause': nothing, 'unpause': nothing, 'suspend': nothing, 'resume': nothing, 'unlock': nothing, 'forceDelete': nothing,
  'reboot': t.object({ type: t.oneOf('SOFT', 'HARD', 'soft', 'hard', 'Soft', 'Hard') }),
  'lock': t.nullable(t.object({ locked_reason: t.optional(t.string({ min: 1 })) })),
  'createImage': t.object({ name, metadata: t.optional(metadata) }),
  'os-getConsoleOutput': t.object({ length: t.optional(t.nullable(t.union(t.integer({ min: -1 }), t.string({ pattern: '^(-1|[0-9]{1,9})$' })))) }),
  'os-resetState': t.object({ state: t.oneOf('active', 'error') }),
  'addSecurityGroup': group, 'removeSecurityGroup': group,
  'os-getVNCConsole': t.object({ type: t.oneOf('novnc', 'xvpvnc') }), 'os-getSerialConsole': t.object({ type: t.oneOf('serial') }), 'os-getSPICEConsole': t.object({ type: t.oneOf('spice-html5') }),
} as const
type Action = keyof typeof ACTIONS

/** The route of all actions. */
export function serverActionRoutes(managers: Managers): AnyRoute[] {
  const handlers = handlersOf(managers)
  const names = Object.keys(ACTIONS) as Action[]
  return [
    route({
      method: 'POST', path: '/v2.1/servers/{server_id}/action', rule: rules.START, status: 202, summary: 'Run an action on a server', params: serverId, actions: names,
      actionRules: [...Object.values(actionRules), rules.STOP, rules.REBOOT, rules.CREATE_IMAGE, rules.CREATE_VOLUME_BACKED_IMAGE, consoleRules.REMOTE, groupRules.ADD, groupRules.REMOVE],
      body: t.object(Object.fromEntries(names.map(action => [action, t.optional(ACTIONS[action])]))),
      async handle({ ctx, params, body, version }) {
        const asked = Object.entries(body as Record<string, unknown>)
        if (asked.length !== 1) throw invalid('action', asked.length === 0 ? `There is no such action. It may be one of ${names.join(', ')}.` : 'Multiple actions not supported.')
        const [[action, value]] = asked as [[Action, unknown]]
        return handlers[action]({ ctx, id: params.server_id, value, version })
      },
    }),
  ]
}

function handlersOf({ servers, power, snapshots, interfaces, consoles }: Managers): Record<Action, (asked: Asked) => Promise<unknown>> {
  /** Replaced by remote-consoles at 2.6. */
  const console = (protocol: string) => async ({ ctx, id, value, version }: Asked) => {
    if (atLeast(version, 2, 6)) throw notFound('action', 'The resource could not be found.')
    const { type } = value as { type: string }
    return answer({ console: { type, ...await consoles.create(ctx, id, protocol, type) } }, { status: 200 })
  }
  return {
    'os-start': ({ ctx, id }) => power.power(ctx, id, 'start'),
    'os-stop': ({ ctx, id }) => power.power(ctx, id, 'stop'),
    'pause': ({ ctx, id }) => power.power(ctx, id, 'pause'),
    'unpause': ({ ctx, id }) => power.power(ctx, id, 'unpause'),
    'suspend': ({ ctx, id }) => power.power(ctx, id, 'suspend'),
    'resume': ({ ctx, id }) => power.power(ctx, id, 'resume'),
    'reboot': ({ ctx, id, value }) => power.power(ctx, id, (value as { type: string }).type.toUpperCase() === 'HARD' ? 'reboot_hard' : 'reboot'),
    'lock': ({ ctx, id, value, version }) => {
      const reason = (value as { locked_reason?: string } | null)?.locked_reason ?? null
      if (reason !== null && !atLeast(version, 2, 73)) throw invalid('lock', 'Invalid input for field/attribute lock. locked_reason needs microversion 2.73.')
      return power.lock(ctx, id, reason)
    },
    'unlock': ({ ctx, id }) => power.unlock(ctx, id),
    'forceDelete': ({ ctx, id }) => servers.remove(ctx, id, true),
    async createImage({ ctx, id, value, version }) {
      const wanted = value as { name: string, metadata?: Record<string, string> }
      const imageId = await snapshots.create(ctx, id, { name: wanted.name, metadata: wanted.metadata ?? {} })
      return atLeast(version, 2, 45) ? { image_id: imageId } : answer(undefined, { headers: { location: `${ctx.baseUrl.replace(/\/compute$/, '')}/image/v2/images/${imageId}` } })
    },
    async 'os-getConsoleOutput'({ ctx, id, value }) {
      const { length } = value as { length?: number | string | null }
      const lines = length === undefined || length === null || Number(length) === -1 ? undefined : Number(length)
      return answer({ output: lines === 0 ? '' : await power.consoleOutput(ctx, id, lines) }, { status: 200 })
    },
    'os-resetState': ({ ctx, id, value }) => power.resetState(ctx, id, (value as { state: 'active' | 'error' }).state),
    'addSecurityGroup': ({ ctx, id, value }) => interfaces.changeSecurityGroup(ctx, id, (value as { name: string }).name, 'add'),
    'removeSecurityGroup': ({ ctx, id, value }) => interfaces.changeSecurityGroup(ctx, id, (value as { name: string }).name, 'remove'),
    'os-getVNCConsole': console('vnc'), 'os-getSerialConsole': console('serial'), 'os-getSPICEConsole': console('spice'),
  }
}
