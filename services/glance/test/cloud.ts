// A Glance of its own for a test: real store of rows in memory, real policy, image bytes in memory or in a directory, callers by name.
import type { Readable } from 'node:stream'
import { ManualClock } from '@alto/kit/clock'
import { migrate, openSqlite, type Database } from '@alto/kit/db'
import { httpServer } from '@alto/kit/http'
import { seededIds } from '@alto/kit/ids'
import { memoryLog } from '@alto/kit/log'
import type { Notifier } from '@alto/kit/notify'
import type { LimitClient } from '@alto/kit/openstack'
import { enforcer, policySet, type Credentials } from '@alto/kit/policy'
import { declared, glanceService, memoryStore, migrations, type ImageStore, type Tables } from '../index.ts'
import type { Resolve } from '../driver/fetcher.ts'
import type { Regions } from '../driver/remote-glance.ts'
import { Stores } from '../model/stores.ts'

/** An answer: JSON parsed, HTML as text, bytes as they are. */
export interface Answer { status: number, body: any, headers: Readonly<Record<string, string | undefined>> } // eslint-disable-line @typescript-eslint/no-explicit-any

export type Cloud = Awaited<ReturnType<typeof glanceAlone>>

/** Tokens are `PROJECT:ROLE`, as in `p1:member`; roles imply the lesser ones. */
const IMPLIED: Readonly<Record<string, readonly string[]>> = { admin: ['admin', 'manager', 'member', 'reader'], member: ['member', 'reader'], reader: ['reader'], none: [] }

async function authenticate(token: string): Promise<Credentials | undefined> {
  const [projectId, role = ''] = token.split(':')
  const roles = IMPLIED[role]
  return roles && { userId: `user-of-${projectId}`, userDomainId: 'default', projectId: projectId!, projectDomainId: 'default', roles: [...roles] }
}

export const OPTIONS = {
  imageSizeCap: 1_000_000_000, userStorageQuota: 0, imagePropertyQuota: 128, imageTagQuota: 128, imageMemberQuota: 128, limitParamDefault: 25, apiLimitMax: 1000, requireImageFormatMatch: true,
  stores: ['file:file'], defaultStore: null, storeSecrets: [], imageCacheDir: null as string | null, imageCacheMaxSize: 1_000_000, imageSignatureCertificates: null as string | null, disabledNotifications: [] as readonly string[], defaultPublisherId: 'image.localhost', notificationDriver: 'noop' as const, notificationTopics: ['notifications'], useKeystoneLimits: false, imageSchemaFile: null as string | null, propertyProtectionFile: null as string | null, propertyProtectionRuleFormat: 'roles' as 'roles' | 'policies', showImageDirectUrl: false, showMultipleLocations: false, imageLocationQuota: 10, doSecureHash: true,
  enabledImportMethods: ['glance-direct', 'web-download', 'copy-image'], imageImportPlugins: [] as readonly string[], imageConversionOutputFormat: 'raw' as 'raw' | 'qcow2' | 'vmdk', glanceDownloadExtraProperties: ['hw_', 'os_distro'], injectMetadata: [] as readonly string[], injectIgnoreUserRoles: ['admin'],
  importAllowedSchemes: ['http', 'https'], importDisallowedSchemes: [] as readonly string[], importAllowedHosts: [] as readonly string[], importDisallowedHosts: [] as readonly string[],
  importAllowedPorts: [] as readonly string[], importDisallowedPorts: [] as readonly string[], importAllowedRanges: ['127.0.0.1'], importIdleSeconds: 60, importTotalSeconds: 3600, taskTimeToLive: 48,
}

/** Glance alone, on a default store and `more` of them. A `db` that is given stays open: for starting a second Glance on the rows of the first. `asleep`: it answers, and takes up no task. */
export async function glanceAlone(opts: { options?: Partial<typeof OPTIONS>, store?: ImageStore, more?: readonly ImageStore[], db?: Database<Tables>, seed?: string, host?: string, resolve?: Resolve, asleep?: boolean, scratch?: string, regions?: Regions, limits?: LimitClient, notifier?: Notifier } = {}) {
  const clock = new ManualClock()
  const log = memoryLog()
  const ids = seededIds(opts.seed ?? 'glance')
  const db = opts.db ?? openSqlite<Tables>(':memory:')
  await migrate(db, migrations, clock)
  const store = opts.store ?? memoryStore({ id: 'file' })
  const asked = enforcer(policySet(declared.rules))
  const glance = await glanceService({ db, clock, ids, log, stores: [store, ...opts.more ?? []], host: opts.host ?? 'here', ...(opts.resolve && { resolve: opts.resolve }), ...(opts.scratch !== undefined && { scratch: opts.scratch }), ...(opts.regions && { regions: opts.regions }), ...(opts.limits && { limits: opts.limits }), ...(opts.notifier && { notifier: opts.notifier }), options: { ...OPTIONS, ...opts.options }, enforcer: () => asked, authenticate })
  if (!opts.asleep) await glance.start()
  const server = await httpServer({ services: glance.http, log, ids, clock, publicUrl: 'http://cloud' })

  async function ask(method: string, path: string, request: { token?: string, body?: unknown, bytes?: string | Uint8Array | Readable, headers?: Record<string, string>, signal?: AbortSignal } = {}): Promise<Answer> {
    const { token, body, bytes, headers, signal } = request
    const response = await server.fetch({
      method, url: `/image${path}`, body: bytes ?? (body === undefined ? undefined : JSON.stringify(body)), signal,
      headers: { ...(bytes !== undefined && { 'content-type': 'application/octet-stream' }), ...(body !== undefined && { 'content-type': 'application/json' }), ...(token !== undefined && { 'x-auth-token': token }), ...headers },
    })
    const type = response.headers['content-type'] ?? ''
    const raw = Buffer.concat(await response.body.toArray() as Buffer[])
    return { status: response.status, headers: response.headers, body: type.includes('octet-stream') ? raw : type.includes('json') ? JSON.parse(raw.toString()) : raw.toString() }
  }

  /** Asks as a project's member (or another role). */
  const as = (token: string) => (method: string, path: string, request: Omit<Parameters<typeof ask>[2] & object, 'token'> = {}) => ask(method, path, { ...request, token })

  return {
    ask, as, clock, log, db, store, stores: new Stores([store, ...opts.more ?? []]), glance,
    /** A raw image of `bytes`, active. */
    async uploaded(token: string, bytes: string | Uint8Array, more: Record<string, unknown> = {}): Promise<{ id: string }> {
      const { body } = await ask('POST', '/v2/images', { token, body: { name: 'one', disk_format: 'raw', container_format: 'bare', ...more } })
      const { status } = await ask('PUT', `/v2/images/${body.id}/file`, { token, bytes })
      if (status !== 204) throw new Error(`upload: ${status}`)
      return body
    },
    /** The sentence in an HTML refusal. */
    said: (answer: Answer) => /<\/h1>\n {2}(.*)<br \/><br \/>/s.exec(answer.body)?.[1],
    async [Symbol.asyncDispose]() {
      await server.close()
      await glance.stop()
      if (!opts.db) await db.close()
    },
  }
}

/** A patch of v2.1 as a request. */
export function patch(...operations: unknown[]) {
  return { body: operations, headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' } }
}
