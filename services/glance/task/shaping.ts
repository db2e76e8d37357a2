// The bytes of an import, looked into before anybody opens them.
import type { Deps } from '../manager/deps.ts'
import type { Content, Image } from '../model/images.ts'
import { inspected } from '../driver/intake.ts'
import * as imports from '../store/imports.ts'
import { headOf, type ImportStep } from './bytes.ts'

/** What the image will be: the blob that its bytes are in, and what they are. */
export interface Shape { blobId: string, content: Content, diskFormat: string | null, containerFormat: string | null }

/** The bytes in `blobId`, as they are to be kept. Throws Fault('unsupportedMediaType') for what is not what its image says, or not safe to open. */
export async function shaped(deps: Deps, t: ImportStep, image: Image, blobId: string): Promise<Shape> {
  const { diskFormat, containerFormat } = image
  const blob = await deps.db.read(tx => imports.getWhole(tx, blobId))
  if (t.input.method === 'copy-image') {
    const content = { size: image.size ?? blob.size, virtualSize: image.virtualSize, checksum: image.checksum ?? '', hashAlgo: image.hashAlgo ?? '', hashValue: image.hashValue ?? '' }
    return { blobId, content, diskFormat, containerFormat }
  }
  const content = blob.content
  if (!content) throw new Error(`blob ${blobId} is staged and has no hashes`)
  const virtualSize = inspected(await headOf(deps, blob), blob.size, { diskFormat: diskFormat ?? 'raw', containerFormat: containerFormat ?? 'bare', formatMustMatch: deps.options.requireImageFormatMatch })
  return { blobId, content: { ...content, virtualSize }, diskFormat, containerFormat }
}
