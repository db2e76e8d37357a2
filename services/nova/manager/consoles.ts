// Consoles: tokens are made for those who may, and open a stream of bytes to the guest wherever it is.
// Who opens consoles takes places that all tenants share (websockets, links of hosts): a server has so many at a controller, one token fewer, and a host counts too.
// A token counts in every controller until it expires, and dies when the server is to be stopped or destroyed (store/wants.ts) or is placed anew.
import { createHash } from 'node:crypto'
import { Duplex } from 'node:stream'
import type { Context } from '@alto/kit/context'
import { connectData, connectUnix } from '@alto/kit/data-link'
import { Fault } from '@alto/kit/errors'
import { consoleOf, consoleUrl, type ConsoleToken } from '../model/consoles.ts'
import { conflict, invalid, notFound } from '../model/faults.ts'
import * as rules from '../policy/consoles.ts'
import * as consoles from '../store/consoles.ts'
import * as servers from '../store/servers.ts'
import type { Tx } from '../store/tables.ts'
import * as wants from '../store/wants.ts'
import { authorized } from './access.ts'
import type { Deps } from './deps.ts'

/** How many are open at once, at one controller. */
const OPEN_AT_ONCE = { server: 10, token: 5 }

/** The use cases of consoles. */
export function consoleManager(deps: Deps) {
  const { db, clock, ids, agent, options, dataSecret } = deps
  const open = new Map<string, number>()                    // by server's id and by token's hash

  /** The token, if it counts now. Throws Fault notFound `nova.consoleToken.notFound`, whose message does not hold it. */
  async function counting(tx: Tx, token: string): Promise<ConsoleToken> {
    const found = await consoles.find(tx, hashOf(token))
    const want = found && await wants.find(tx, found.serverId)
    if (!found || found.expiresAt <= clock.now() || !want || want.tombstone || want.host !== found.host || want.wanted.power === 'stopped' || !await servers.find(tx, found.serverId)) throw notFound('consoleToken', 'Token not found')
    return found
  }

  /** Takes a place among the open consoles of the server and the token; what it gives lets go of it. Throws Fault unavailable `nova.console.busy`. */
  function enter({ serverId, hash }: ConsoleToken): () => void {
    if ((open.get(hash) ?? 0) >= OPEN_AT_ONCE.token) throw new Fault('unavailable', 'nova.console.busy', `The console's URL has opened it ${OPEN_AT_ONCE.token} times already. Close one.`)
    if ((open.get(serverId) ?? 0) >= OPEN_AT_ONCE.server) throw new Fault('unavailable', 'nova.console.busy', `Server ${serverId} has ${OPEN_AT_ONCE.server} consoles open already. Close one.`)
    const count = (by: number) => {
      for (const key of [hash, serverId]) {
        const now = (open.get(key) ?? 0) + by
        if (now > 0) open.set(key, now)
        else open.delete(key)
      }
    }
    count(1)
    return () => count(-1)
  }

  async function opened(ctx: Context, { serverId, host, kind }: ConsoleToken): Promise<Duplex> {
    const found = await agent(host).console({ serverId, kind })
    ctx.log.info({ serverId, host, console: kind }, 'a console is opened')
    switch (found.kind) {
      case 'text': return saying(found.text)
      case 'unix': return connectUnix(found.path, clock)
      case 'data-link':
        if (dataSecret === undefined) throw new Fault('unavailable', 'nova.console.noSecret', 'The console is on another host, and this controller has no data secret.')
        return connectData(found, dataSecret, clock)
      default:
        throw new Fault('notImplemented', 'nova.console.unknown', `Host ${host} offers its console in a way that this controller does not know (${(found satisfies never as { kind: string }).kind}): the host is newer. Upgrade the controllers first.`)
    }
  }

  return {
    /** A URL that opens the server's console. Throws Fault badRequest for consoles that are not to be had, conflict `nova.server.notReady` for a server that does not run. */
    async create(ctx: Context, id: string, protocol: string, type: string): Promise<{ url: string }> {
      const token = ids.uuid()
      const kind = await db.write(async tx => {
        await authorized(ctx, tx, rules.REMOTE, id)
        const wanted = consoleOf(protocol, type)
        if ('objection' in wanted) throw invalid('console.type', wanted.objection)
        const want = await wants.find(tx, id)
        if (!want || want.tombstone || want.wanted.power === 'stopped' || want.wanted.power === 'suspended') throw conflict('server.notReady', `Instance ${id} is not ready`)
        const now = clock.now()
        await consoles.insert(tx, { hash: hashOf(token), serverId: id, host: want.host, kind: wanted.kind, createdAt: now, expiresAt: now + options.consoleTokenTtl * 1000 })
        return wanted.kind
      })
      return { url: consoleUrl(options.consoleBaseUrl ?? `${ctx.baseUrl.replace(/\/compute$/, '')}/console/`, kind, token) }
    },

    /** What a token opens, for an admin. Throws Fault notFound `nova.consoleToken.notFound`. */
    async show(ctx: Context, token: string): Promise<ConsoleToken> {
      ctx.authorize(rules.AUTH_TOKENS, {})
      return db.read(tx => counting(tx, token))
    },

    /**
     * Connects to the console that the token opens; whoever has the token may. The stream ends with the guest's process. A guest that is only pretended says what it has to say.
     * Throws Fault notFound `nova.consoleToken.notFound`, conflict `nova.guest.notRunning`, notImplemented `nova.console.unknown`,
     * unavailable `nova.console.busy`, `nova.console.noSecret`, `data.unreachable`, `data.busy`, `rpc.*`.
     */
    async connect(ctx: Context, token: string): Promise<Duplex> {
      const found = await db.read(tx => counting(tx, token))
      const leave = enter(found)
      try {
        const stream = await opened(ctx, found)
        if (stream.closed) leave()
        else stream.once('close', leave)
        return stream
      } catch (error) {
        leave()
        throw error
      }
    },
  }
}

export type ConsoleManager = ReturnType<typeof consoleManager>

/** A stream that says `text`, hears nothing, and ends. */
function saying(text: string): Duplex {
  return new Duplex({ read() { this.push(text); this.push(null) }, write(_chunk, _encoding, done) { done() } })
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
