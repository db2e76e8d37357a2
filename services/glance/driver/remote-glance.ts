// Images of another Glance, of a region in the catalog: found as the user who asks, within the request; read later as the service, because no token of a user outlives its request.
// So the user's right to the bytes is asked where it counts, by a read of one byte with the user's own token, before anything is taken on.
// The endpoints are the catalog's, an administrator's word: they may be private. No redirect is followed.
import type { Readable } from 'node:stream'
import { Fault } from '@alto/kit/errors'
import type { RemoteImage } from '../model/imports.ts'
import type { Fetched } from './fetcher.ts'

/** What a request to another Glance needs of a client. */
export type Ask = (request: { method: string, url: string, headers: Readonly<Record<string, string>>, signal?: AbortSignal }) => Promise<{ status: number, headers: Readonly<Record<string, string | undefined>>, body: Readable, json(): Promise<unknown> }>

/** How the other regions are known and asked. */
export interface Regions {
  /** The catalog, as the bearer of the token sees it. */
  catalog(token: string): Promise<readonly { type: string, endpoints: readonly { interface: string, region: string | null, url: string }[] }[]>
  ask: Ask
  /** Our own token there. */
  serviceToken(): Promise<string>
}

/** What a remote image is, and where: JSON, for the task. */
export interface RemoteFacts {
  /** Of its bytes. */
  url: string
  size: number
  diskFormat: string
  containerFormat: string
  hashAlgo: string | null
  hashValue: string | null
  /** All that it says beside, names and texts. */
  properties: Readonly<Record<string, string>>
}

/** Other Glances. */
export interface RemoteGlance {
  /** The image, when the bearer of `token` may read it. Throws Fault('badRequest', 'glance.remote') with the reason otherwise. */
  find(image: RemoteImage, token: string, signal?: AbortSignal): Promise<RemoteFacts>
  /** Its bytes. Throws Fault('badRequest', 'glance.remote'). */
  read(url: string, signal: AbortSignal): Promise<Fetched>
}

/** The Glances of the catalog's regions. */
export function remoteGlance({ catalog, ask, serviceToken }: Regions): RemoteGlance {
  async function asked(url: string, token: string, more: { signal?: AbortSignal | undefined, range?: string } = {}) {
    const headers = { 'x-auth-token': token, accept: '*/*', ...(more.range !== undefined && { range: more.range }) }
    return ask({ method: 'GET', url, headers, ...(more.signal && { signal: more.signal }) })
  }

  return {
    async find({ region, imageId, interface: kind }, token, signal) {
      const endpoints = (await catalog(token)).filter(({ type }) => type === 'image').flatMap(service => service.endpoints)
      const endpoint = endpoints.find(one => one.interface === kind && one.region?.toLowerCase() === region.toLowerCase())
      if (!endpoint) throw remote(`there is no ${kind} image endpoint in region ${region}`)
      const url = `${endpoint.url.replace(/\/(v2\/?)?$/, '')}/v2/images/${imageId}`
      const answer = await asked(url, token, { signal })
      if (answer.status !== 200) {
        answer.body.destroy()
        throw remote(`image ${imageId} of region ${region} is not to be had: it answers ${answer.status}`)
      }
      const facts = factsOf(await answer.json(), `${url}/file`)
      const first = await asked(facts.url, token, { signal, range: 'bytes=0-0' })
      first.body.destroy()
      if (first.status !== 200 && first.status !== 206 && facts.size > 0) throw remote(`the bytes of image ${imageId} of region ${region} are not to be had: it answers ${first.status}`)
      return facts
    },

    async read(url, signal) {
      const answer = await asked(url, await serviceToken(), { signal })
      if (answer.status === 200) return { size: sizeOf(answer.headers['content-length']), bytes: answer.body as AsyncIterable<Uint8Array> }
      answer.body.destroy()
      throw remote(`the bytes are not to be had: it answers ${answer.status}`)
    },
  }
}

function factsOf(body: unknown, url: string): RemoteFacts {
  const { status, size, disk_format: diskFormat, container_format: containerFormat, os_hash_algo: hashAlgo, os_hash_value: hashValue, ...rest } = typeof body === 'object' && body !== null ? body as Record<string, unknown> : {}
  if (status !== 'active') throw remote(`Source image status should be active instead of ${String(status)}`)
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw remote('the source image does not say its size')
  if (typeof diskFormat !== 'string' || typeof containerFormat !== 'string') throw remote('the source image does not say its formats')
  const text = (value: unknown) => typeof value === 'string' ? value : null
  return { url, size, diskFormat, containerFormat, hashAlgo: text(hashAlgo), hashValue: text(hashValue), properties: Object.fromEntries(Object.entries(rest).filter((pair): pair is [string, string] => typeof pair[1] === 'string')) }
}

function sizeOf(said: string | undefined): number | undefined {
  return said !== undefined && /^\d{1,15}$/.test(said) ? Number(said) : undefined
}

function remote(why: string): Fault {
  return new Fault('badRequest', 'glance.remote', `The image cannot be downloaded from another Glance: ${why}.`)
}
