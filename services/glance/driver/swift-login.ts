// Who a Swift store is to Swift: a token and the account's URL, from Keystone v3 or from TempAuth (v1).
import { Fault } from '@alto/kit/errors'
import type { StoreSpec } from '../model/store-specs.ts'
import { textOf, unexpected, type StoreClient, type StoreRequest } from './http-client.ts'

/** A token and where it opens what. */
export interface SwiftSession { storageUrl: string, token: string }

/** A login that is kept until it is told to be `fresh`. */
export interface SwiftLogin {
  readonly url: string
  /** Throws Fault('unavailable', 'glance.store.login' | 'glance.store.unreachable'). */
  session(fresh: boolean): Promise<SwiftSession>
}

/** The login of `spec`: Keystone's when its target ends in /v3, TempAuth's otherwise. Throws Fault('badRequest', 'glance.stores.configured'). */
export function swiftLogin(spec: StoreSpec, client: StoreClient): SwiftLogin {
  const at = URL.parse(spec.target ?? '')
  if (!at || !/^https?:$/.test(at.protocol) || at.username !== '') throw new Fault('badRequest', 'glance.stores.configured', `[glance] stores: ${spec.id} is at ${spec.target}, which is not the URL of a login.`)
  const url = at.href.replace(/\/$/, '')
  const begin = url.endsWith('/v3') ? () => byKeystone(spec, url, client) : () => byTempauth(spec, url, client)
  let session: Promise<SwiftSession> | undefined
  return {
    url,
    session(fresh) {
      if (fresh) session = undefined
      const asked: Promise<SwiftSession> = session ?? begin().catch((error: unknown) => {
        if (session === asked) session = undefined
        throw error
      })
      session = asked
      return asked
    },
  }
}

async function byTempauth({ id, settings, secret }: StoreSpec, url: string, client: StoreClient): Promise<SwiftSession> {
  const request: StoreRequest = { method: 'GET', url: new URL(url), headers: { 'x-auth-user': settings['user']!, 'x-auth-key': secret! } }
  const answer = await client(request)
  await textOf(answer)
  const [storageUrl, token] = [answer.headers['x-storage-url'], answer.headers['x-auth-token']]
  if (answer.status !== 200 && answer.status !== 204) throw refused(id, request, answer.status)
  if (!storageUrl || !token) throw new Fault('unavailable', 'glance.store.login', `the store ${id} was let in at ${url}, and not told where`)
  return { storageUrl, token }
}

async function byKeystone({ id, settings, secret }: StoreSpec, url: string, client: StoreClient): Promise<SwiftSession> {
  const { user, project = user, user_domain: userDomain = 'Default', project_domain: projectDomain = 'Default', region, interface: side = 'public' } = settings
  const body = {
    auth: {
      identity: { methods: ['password'], password: { user: { name: user, domain: { name: userDomain }, password: secret } } },
      scope: { project: { name: project, domain: { name: projectDomain } } },
    },
  }
  const request: StoreRequest = { method: 'POST', url: new URL(`${url}/auth/tokens`), headers: { 'content-type': 'application/json' }, body: [Buffer.from(JSON.stringify(body))] }
  const answer = await client(request)
  const text = await textOf(answer)
  const token = answer.headers['x-subject-token']
  if (answer.status !== 201 || !token) throw refused(id, request, answer.status)
  const storageUrl = endpointIn(text, side, region)
  if (storageUrl === undefined) throw new Fault('unavailable', 'glance.store.login', `the store ${id} found no ${side} endpoint of type object-store in the catalog at ${url}`)
  return { storageUrl, token }
}

interface CatalogAnswer { token?: { catalog?: { type?: string, endpoints?: { interface?: string, region?: string, url?: string }[] }[] } }

function endpointIn(text: string, side: string, region: string | undefined): string | undefined {
  const { token } = JSON.parse(text) as CatalogAnswer
  const endpoints = token?.catalog?.filter(({ type }) => type === 'object-store').flatMap(one => one.endpoints ?? []) ?? []
  return endpoints.find(one => one.interface === side && (region === undefined || one.region === region))?.url?.replace(/\/$/, '')
}

function refused(id: string, request: StoreRequest, status: number): Fault {
  return new Fault('unavailable', 'glance.store.login', `the store ${id} was not let in: ${unexpected(request, status).message}`)
}
