// A store in a bucket of S3 or what speaks like it (Ceph's RGW, Swift's s3api, MinIO): one object a blob, by multipart uploads. Path style: HOST/BUCKET/KEY.
//
// A small blob is one PUT. A larger one is a multipart upload, which is invisible until it is complete; unfinished ones are listed by the bucket, under their
// keys, so what a crash leaves is found by `names` and goes by `remove`. No multipart upload's id is kept anywhere.
import { Fault } from '@alto/kit/errors'
import type { Clock } from '@alto/kit/clock'
import { bytesOf, type StoreSpec } from '../model/store-specs.ts'
import { dropped, textOf, unexpected, type StoreAnswer, type StoreClient, type StoreRequest } from './http-client.ts'
import { partedWriter, repeatedly } from './parts.ts'
import { sha256, signed } from './s3-signature.ts'
import { checkedKey, MISSING, type ImageStore } from './store.ts'

const MIB = 1024 * 1024

/** What a request to a bucket is. `path`: an object's name, the bucket when it is not there. */
interface BucketRequest { method: string, path?: string, query?: Readonly<Record<string, string>>, headers?: Readonly<Record<string, string>>, body?: readonly Uint8Array[] }

/** The store of `spec`, whose target is `https://HOST/BUCKET`; the bucket must be there. Throws Fault('badRequest', 'glance.stores.configured'). */
export function s3Store(spec: StoreSpec, { client, clock }: { client: StoreClient, clock: Clock }): ImageStore {
  const bucket = URL.parse(spec.target ?? '')
  if (!bucket || !/^https?:$/.test(bucket.protocol) || !/^\/[^/]+\/?$/.test(bucket.pathname)) throw new Fault('badRequest', 'glance.stores.configured', `[glance] stores: ${spec.id} is at ${spec.target}, which is not https://HOST/BUCKET.`)
  const place = `${bucket.origin}${bucket.pathname.replace(/\/$/, '')}`
  const prefix = spec.settings['prefix'] ?? ''
  const key = { accessKey: spec.settings['access_key']!, secretKey: spec.secret!, region: spec.settings['region'] ?? 'us-east-1' }
  const first = bytesOf(spec, 'part_size', 16 * MIB, { atLeast: 5 * MIB, atMost: 256 * MIB })

  async function ask({ method, path, query = {}, headers = {}, body }: BucketRequest, accept: readonly number[]): Promise<StoreAnswer> {
    const url = new URL(path === undefined ? place : `${place}/${pathOf(path)}`)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const bodyHash = sha256(body ?? [])
    return repeatedly(clock, async () => {
      const request: StoreRequest = { method, url, body, headers: signed({ method, url, headers, bodyHash }, key, clock.now()) }
      const answer = await client(request)
      if (accept.includes(answer.status)) return answer
      await dropped(answer)
      throw unexpected(request, answer.status)
    })
  }
  const done = async (request: BucketRequest, accept: readonly number[]) => {
    const answer = await ask(request, accept)
    return { status: answer.status, headers: answer.headers, text: await textOf(answer) }
  }
  const pathOf = (name: string) => (prefix + name).split('/').map(encodeURIComponent).join('/')

  /** A listing's entries, all of its pages; `at`: the names of what a page's end is told by, in its answer and in the request for the next. */
  async function* listed(query: Readonly<Record<string, string>>, entry: string, at: readonly (readonly [string, string])[]): AsyncGenerator<string> {
    for (let more: Readonly<Record<string, string>> | undefined = {}; more;) {
      const { text } = await done({ method: 'GET', query: { prefix, ...query, ...more } }, [200])
      yield* elements(text, entry)
      more = elements(text, 'IsTruncated')[0] === 'true' ? Object.fromEntries(at.map(([from, to]) => [to, elements(text, from)[0] ?? ''])) : undefined
    }
  }
  const uploads = (of: string) => listed({ uploads: '', prefix: prefix + of }, 'Upload', [['NextKeyMarker', 'key-marker'], ['NextUploadIdMarker', 'upload-id-marker']])

  async function abortUploads(path: string): Promise<void> {
    for (const upload of await Array.fromAsync(uploads(path))) await done({ method: 'DELETE', path, query: { uploadId: elements(upload, 'UploadId')[0] ?? '' } }, [204, 404])
  }
  async function size(name: string): Promise<number | undefined> {
    const { status, headers } = await done({ method: 'HEAD', path: checkedKey(name) }, [200, 404])
    return status === 404 ? undefined : Number(headers['content-length'])
  }

  return {
    id: spec.id, kind: 's3', description: spec.description, weight: spec.weight, forgetsReaders: true, size,
    properties: { s3_store_large_object_size: first / MIB, s3_store_large_object_chunk_size: first / MIB, s3_store_thread_pools: 1 },
    async write(name) {
      const path = checkedKey(name)
      await abortUploads(path)
      let uploadId: string | undefined
      const etags: string[] = []
      let bytes = 0
      const send = async (number: number, part: readonly Uint8Array[]) => {
        uploadId ??= elements((await done({ method: 'POST', path, query: { uploads: '' } }, [200])).text, 'UploadId')[0]
        if (!uploadId) throw new Fault('unavailable', 'glance.store.answer', `${bucket.host} began no upload`)
        const { headers } = await done({ method: 'PUT', path, query: { partNumber: String(number), uploadId }, body: part }, [200])
        etags.push(headers['etag'] ?? '')
        bytes += part.reduce((sum, piece) => sum + piece.length, 0)
      }
      return partedWriter({
        send,
        async commit(rest, sent) {
          if (sent === 0) return void await done({ method: 'PUT', path, body: rest }, [200])
          await send(sent + 1, rest)
          const parts = etags.map((etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</ETag></Part>`).join('')
          const { text } = await done({ method: 'POST', path, query: { uploadId: uploadId! }, body: [Buffer.from(`<CompleteMultipartUpload>${parts}</CompleteMultipartUpload>`)] }, [200, 404])
          // Its failure may come after a 200, and a repeated one finds no upload: the object says what was done.
          if (!text.includes('CompleteMultipartUploadResult') && await size(path) !== bytes) throw new Fault('unavailable', 'glance.store.answer', `${bucket.host} did not complete an upload: ${elements(text, 'Code')[0] ?? 'no reason'}`)
        },
        abort: async sent => { if (sent > 0) await abortUploads(path) },
      }, first)
    },
    async read(name, range) {
      const answer = await ask({ method: 'GET', path: checkedKey(name), ...(range && { headers: { range: `bytes=${range.start}-${range.end}` } }) }, range ? [206, 404] : [200, 404])
      if (answer.status !== 404) return answer.body
      await dropped(answer)
      throw new Fault(...MISSING)
    },
    async remove(name) {
      await abortUploads(checkedKey(name))                           // first: what is not there any more cannot become KEY
      await done({ method: 'DELETE', path: name }, [204, 404])
    },
    async* names() {
      for await (const object of listed({ 'list-type': '2' }, 'Contents', [['NextContinuationToken', 'continuation-token']])) yield keyIn(object)
      for await (const upload of uploads('')) yield `${keyIn(upload)}.partial`
    },
    urlOf: name => `s3+${place}/${pathOf(checkedKey(name))}`,
  }

  function keyIn(entry: string): string {
    return (elements(entry, 'Key')[0] ?? '').slice(prefix.length)
  }
}

const ENTITIES: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&apos;': "'" }

/** What is between the tags `name`, in order. Answers of S3 nest no element in one of its own name; entities are those of XML itself. */
function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>(.*?)</${name}>`, 'gs'))].map(([, inside = '']) => inside.includes('<') ? inside : inside.replace(/&(amp|lt|gt|quot|apos);/g, entity => ENTITIES[entity]!))
}
