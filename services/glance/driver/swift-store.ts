// A store in a container of Swift: one object a blob; a large one is segments in CONTAINER-segments (KEY/00000001 …) and a manifest under KEY.
//
// Segments are invisible until the manifest is there, which is put last and removed first. So what a crash leaves are segments without a manifest: they are
// found by `names`, and go by `remove`.
import { createHash } from 'node:crypto'
import type { Clock } from '@alto/kit/clock'
import { Fault } from '@alto/kit/errors'
import { bytesOf, type StoreSpec } from '../model/store-specs.ts'
import { dropped, sizeOf, textOf, unexpected, type StoreAnswer, type StoreClient, type StoreRequest } from './http-client.ts'
import { partedWriter, repeatedly } from './parts.ts'
import { checkedKey, MISSING, type ImageStore } from './store.ts'
import { swiftLogin } from './swift-login.ts'

const MIB = 1024 * 1024
const LISTING = 10_000

interface ObjectRequest { method: string, path: string, query?: Readonly<Record<string, string>>, headers?: Readonly<Record<string, string>>, body?: readonly Uint8Array[] }

/** The store of `spec`, whose target is the login's URL; its containers are made when they are missing. Throws Fault('badRequest', 'glance.stores.configured'). */
export function swiftStore(spec: StoreSpec, { client, clock }: { client: StoreClient, clock: Clock }): ImageStore {
  const login = swiftLogin(spec, client)
  const container = spec.settings['container']!
  const large = spec.settings['large_objects'] ?? 'slo'
  if (container.includes('/') || container.length > 240) throw new Fault('badRequest', 'glance.stores.configured', `[glance] stores: ${spec.id} has the container ${container}, which is no name of one.`)
  if (large !== 'slo' && large !== 'dlo') throw new Fault('badRequest', 'glance.stores.configured', `[glance] stores: ${spec.id} has large_objects ${large}. It may be slo or dlo.`)
  const segments = `${container}-segments`
  const first = bytesOf(spec, 'segment_size', 64 * MIB, { atLeast: MIB, atMost: 256 * MIB })

  async function ask({ method, path, query = {}, headers = {}, body }: ObjectRequest, accept: readonly number[]): Promise<StoreAnswer> {
    let fresh = false
    return repeatedly(clock, async () => {
      for (;;) {
        const { storageUrl, token } = await login.session(fresh)
        const url = new URL(`${storageUrl}/${path.split('/').map(encodeURIComponent).join('/')}`)
        for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
        const request: StoreRequest = { method, url, body, headers: { ...headers, 'x-auth-token': token } }
        const answer = await client(request)
        if (accept.includes(answer.status)) return answer
        await dropped(answer)
        if (answer.status !== 401 || fresh) throw unexpected(request, answer.status)
        fresh = true                                              // the token has ended
      }
    })
  }
  const done = async (request: ObjectRequest, accept: readonly number[]) => {
    const answer = await ask(request, accept)
    return { status: answer.status, headers: answer.headers, text: await textOf(answer) }
  }
  const segmentOf = (key: string, number: number) => `${key}/${String(number).padStart(8, '0')}`

  let made: Promise<void> | undefined
  /** The containers, made once in this store's life; a failure is tried again. */
  const containers = async () => {
    made ??= (async () => { for (const path of [container, segments]) await done({ method: 'PUT', path }, [201, 202]) })()
    try {
      await made
    } catch (error) {
      made = undefined
      throw error
    }
  }

  /** The names in a container, all of its pages; none when it is not there. */
  async function* listed(path: string, prefix: string): AsyncGenerator<string> {
    for (let marker = '', more = true; more;) {
      const { text } = await done({ method: 'GET', path, query: { prefix, marker, limit: String(LISTING) }, headers: { accept: 'text/plain' } }, [200, 204, 404])
      const names = text.startsWith('<') ? [] : text.split('\n').filter(Boolean)
      yield* names
      more = names.length === LISTING
      marker = names.at(-1) ?? ''
    }
  }
  async function removeSegments(key: string): Promise<void> {
    for (const path of await Array.fromAsync(listed(segments, `${key}/`))) await done({ method: 'DELETE', path: `${segments}/${path}` }, [204, 404])
  }
  const put = (path: string, body: readonly Uint8Array[]) => {
    const md5 = createHash('md5')
    for (const piece of body) md5.update(piece)
    const etag = md5.digest('hex')
    return done({ method: 'PUT', path, body, headers: { etag, 'content-type': 'application/octet-stream' } }, [201]).then(() => etag)
  }

  return {
    id: spec.id, kind: 'swift', description: spec.description, weight: spec.weight, forgetsReaders: true,
    properties: { container, large_object_size: first / MIB, large_object_chunk_size: first / MIB },
    async write(key) {
      checkedKey(key)
      await containers()
      await removeSegments(key)
      const parts: { path: string, etag: string, size_bytes: number }[] = []
      const send = async (number: number, part: readonly Uint8Array[]) => {
        const path = `${segments}/${segmentOf(key, number)}`
        parts.push({ path: `/${path}`, etag: await put(path, part), size_bytes: sizeOf(part) })
      }
      return partedWriter({
        send,
        async commit(rest, sent) {
          if (sent === 0) return void await put(`${container}/${key}`, rest)
          await send(sent + 1, rest)
          if (large === 'slo') await done({ method: 'PUT', path: `${container}/${key}`, query: { 'multipart-manifest': 'put' }, body: [Buffer.from(JSON.stringify(parts))] }, [201])
          else await done({ method: 'PUT', path: `${container}/${key}`, headers: { 'x-object-manifest': `${segments}/${key}/` }, body: [] }, [201])
        },
        abort: async sent => { if (sent > 0) await removeSegments(key) },
      }, first)
    },
    async read(key, range) {
      const answer = await ask({ method: 'GET', path: `${container}/${checkedKey(key)}`, ...(range && { headers: { range: `bytes=${range.start}-${range.end}` } }) }, range ? [206, 404] : [200, 404])
      if (answer.status !== 404) return answer.body
      await dropped(answer)
      throw new Fault(...MISSING)
    },
    async remove(key) {
      await done({ method: 'DELETE', path: `${container}/${checkedKey(key)}` }, [204, 404])
      await removeSegments(key)
    },
    async size(key) {
      const { status, headers } = await done({ method: 'HEAD', path: `${container}/${checkedKey(key)}` }, [200, 404])
      return status === 404 ? undefined : Number(headers['content-length'])
    },
    async* names() {
      yield* listed(container, '')
      let last = ''
      for await (const name of listed(segments, '')) {
        const key = name.split('/')[0]!
        if (key === last) continue
        last = key
        const whole = await done({ method: 'HEAD', path: `${container}/${key}` }, [200, 404])
        if (whole.status === 404) yield `${key}.partial`
      }
    },
    urlOf: key => `swift+${login.url}/${container}/${checkedKey(key)}`,
  }
}
