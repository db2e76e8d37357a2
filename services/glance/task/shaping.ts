// The bytes of an import, before they are copied to their stores: unpacked and converted where the plugins say so, and looked into before anybody opens them.
import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { repeat } from '@alto/kit/clock'
import { messageOf } from '@alto/kit/errors'
import { convert, isConvertible } from '../driver/conversion.ts'
import { inspected } from '../driver/intake.ts'
import { verifierOf } from '../driver/verifier.ts'
import { packingOf, unpackedFile, unpackedStream } from '../driver/unpacking.ts'
import type { Deps } from '../manager/deps.ts'
import { keyOf } from '../model/blobs.ts'
import type { Content, Image } from '../model/images.ts'
import * as imports from '../store/imports.ts'
import { ending, headOf, made, reading, roomFor, storeOf, type ImportStep } from './bytes.ts'

/** What the image will be: the blob that its bytes are in, and what they are. */
export interface Shape { blobId: string, content: Content, diskFormat: string | null, containerFormat: string | null }

/** Bytes on their way through the plugins. */
interface Shaping { blobId: string, diskFormat: string | null, containerFormat: string | null }

/** The bytes in `blobId`, as they are to be kept. Throws Fault('unsupportedMediaType') for what is not what its image says, or not safe to open, and the plugins' Faults. */
export async function shaped(deps: Deps, t: ImportStep, image: Image, blobId: string): Promise<Shape> {
  const { diskFormat, containerFormat } = t.input.remote ?? image
  let now: Shaping = { blobId, diskFormat, containerFormat }
  if (t.input.method === 'copy-image') {
    const { size } = await deps.db.read(tx => imports.getWhole(tx, blobId))
    const content = { size: image.size ?? size, virtualSize: image.virtualSize, checksum: image.checksum ?? '', hashAlgo: image.hashAlgo ?? '', hashValue: image.hashValue ?? '' }
    return { ...now, content }
  }
  try {
    for (const plugin of deps.options.imageImportPlugins) {
      if (plugin === 'image_decompression') now = await unpacked(deps, t, image, now)
      if (plugin === 'image_conversion') now = await converted(deps, t, image, now)
    }
  } catch (error) {
    throw ending(error)
  }
  const blob = await deps.db.read(tx => imports.getWhole(tx, now.blobId))
  if (!blob.content) throw new Error(`blob ${now.blobId} is staged and has no hashes`)
  await verified(deps, image, blob)
  const declared = { diskFormat: now.diskFormat ?? 'raw', containerFormat: now.containerFormat ?? 'bare', formatMustMatch: deps.options.requireImageFormatMatch }
  return { ...now, content: { ...blob.content, virtualSize: inspected(await headOf(deps, blob), blob.size, declared) } }
}

/** Throws Fault('badRequest', 'glance.signature') when the image is signed and the bytes, as they are to be kept, are not what was signed. */
async function verified(deps: Deps, image: Image, blob: Parameters<typeof reading>[1]): Promise<void> {
  const verifier = await verifierOf(image, deps.options.imageSignatureCertificates)
  if (!verifier) return
  for await (const bytes of await reading(deps, blob)) verifier.update(bytes)
  verifier.finish()
}

/** The image that is in a compressed one; images whose container is `compressed` are meant to be so. */
async function unpacked(deps: Deps, t: ImportStep, image: Image, now: Shaping): Promise<Shaping> {
  if (now.containerFormat === 'compressed') return now
  const blob = await deps.db.read(tx => imports.getWhole(tx, now.blobId))
  const packing = packingOf(await headOf(deps, blob))
  if (!packing) return now
  const room = await roomFor(deps, image)
  const making = { name: 'unpacked', store: deps.stores.main, ...room }
  if (packing === 'gzip' || packing === 'zip') {
    const store = storeOf(deps, blob)
    return { ...now, blobId: await made(deps, t, making, () => unpackedStream(packing, { size: blob.size, read: (start, end) => store.read(keyOf(blob), { start, end }) })) }
  }
  return inWorkshop(deps, t, async (directory, host) => ({ ...now, blobId: await made(deps, t, making, async () => unpackedFile(packing, await reading(deps, blob), { directory, host, most: room.most, signal: t.signal })) }))
}

/** The image in the format that the site wants. ISOs, archives and bare file systems stay as they are. */
async function converted(deps: Deps, t: ImportStep, image: Image, now: Shaping): Promise<Shaping> {
  const { diskFormat } = now
  const to = deps.options.imageConversionOutputFormat
  if (diskFormat === null || !isConvertible(diskFormat, now.containerFormat, to)) return now
  const blob = await deps.db.read(tx => imports.getWhole(tx, now.blobId))
  const room = await roomFor(deps, image)
  return inWorkshop(deps, t, async (directory, host) => {
    const source = async () => createReadStream(await convert(await reading(deps, blob), { from: diskFormat, to, directory, host, most: room.most, signal: t.signal })) as AsyncIterable<Uint8Array>
    return { blobId: await made(deps, t, { name: 'converted', store: deps.stores.main, ...room }, source), diskFormat: to, containerFormat: 'bare' }
  })
}

/** Gives `work` an empty directory of its own, and removes it with all that is in it; meanwhile the task is known to move. */
async function inWorkshop<Result>({ clock, workshop }: Deps, t: ImportStep, work: (directory: string, host: NonNullable<Deps['workshop']>['host']) => Promise<Result>): Promise<Result> {
  if (!workshop) throw new Error('there is no directory to work in')
  const directory = join(workshop.directory, t.input.recordId)
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const stop = repeat(clock, 30_000, async () => {
    await t.progress().catch((error: unknown) => t.log.warn({ reason: messageOf(error) }, 'an import could not say that it moves'))
  })
  try {
    return await work(directory, workshop.host)
  } finally {
    await stop()
    await rm(directory, { recursive: true, force: true })
  }
}
