// Converting images to the format that a site wants: looked into first, by the sandboxed qemu-img with both formats named, and looked into again.
import { join } from 'node:path'
import { declaredAs, inspectFile, qemuImg, type WritableFormat } from '@alto/kit/disk'
import { Fault, messageOf } from '@alto/kit/errors'
import type { Host } from '@alto/kit/host'
import { written } from './unpacking.ts'

/** What qemu-img calls the formats that it converts; the others stay as they are. */
const NAMES: Readonly<Record<string, string>> = { raw: 'raw', qcow2: 'qcow2', vmdk: 'vmdk', vdi: 'vdi', vhd: 'vpc', vhdx: 'vhdx' }

/** True for an image that `convert` makes another format of. */
export function isConvertible(diskFormat: string | null, containerFormat: string | null, to: string): boolean {
  return containerFormat === 'bare' && diskFormat !== null && diskFormat !== to && Object.hasOwn(NAMES, diskFormat)
}

/** What is converted: `most` bounds the disk and the result, in bytes. */
export interface Conversion { from: string, to: WritableFormat & ('qcow2' | 'raw' | 'vmdk'), directory: string, most: number, host: Host, signal: AbortSignal }

/**
 * Converts an image, and gives the path of the result, which lies in `directory` until that is removed.
 * Throws Fault('badRequest', 'disk.formatMismatch' | 'disk.unsafe') before qemu-img runs, Fault('badRequest', 'glance.convert') when it fails or what it made is something else.
 */
export async function convert(bytes: AsyncIterable<Uint8Array>, { from, to, directory, most, host, signal }: Conversion): Promise<string> {
  const source = join(directory, 'source')
  const result = join(directory, 'result')
  await written(bytes, source)
  const disk = declaredAs(from, await inspectFile(source))
  if (disk > most) throw unconverted(`its disk of ${disk} bytes is larger than the ${most} that an image may have`)
  try {
    await qemuImg(host).convert({ path: source, format: NAMES[from]! }, { path: result, format: to }, Math.min(most, Number.MAX_SAFE_INTEGER), signal)
  } catch (cause) {
    signal.throwIfAborted()
    throw unconverted(messageOf(cause), cause)
  }
  const found = await inspectFile(result)
  if (found.format !== to || found.refusals.length > 0) throw unconverted(`there is an image of format ${found.format} inside`)
  return result
}

function unconverted(why: string, cause?: unknown): Fault {
  return new Fault('badRequest', 'glance.convert', `The image cannot be converted: ${why}.`, { cause })
}
