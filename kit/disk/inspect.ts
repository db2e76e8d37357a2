// Reads the header of a disk image and says what it is, how large its disk is, and why it must not be opened.
//
// Properties, each a test:
// - it looks at bytes only: nothing an image names is ever opened;
// - whatever would make QEMU open a second file (backing file, external data file, VMDK extents, VDI and VHDX parents) is a refusal;
// - an image that two formats claim at once is a refusal, so that what we call it is what QEMU calls it;
// - no header, however broken, makes it throw or read outside the bytes that it was given.
// Sources: QEMU docs/interop/qcow2, VMware's Virtual Disk Format 5.0, MS-VHDX, Microsoft's VHD specification, ECMA-119.
import { open } from 'node:fs/promises'
import { Fault } from '../errors/index.ts'

/** What a header can turn out to be. Anything without a known signature is `raw`. */
export type DiskFormat = 'raw' | 'qcow2' | 'vmdk' | 'vdi' | 'vhd' | 'vhdx' | 'iso' | 'luks' | 'qcow' | 'qed' | 'parallels'

/** What was found. An image may be opened only when `refusals` is empty, and only as `format`. */
export interface DiskInspection {
  format: DiskFormat
  /** Bytes of the disk inside; undefined when the header does not tell. For raw and iso it is the file's length. */
  virtualSize: number | undefined
  /** Sentences, each a reason not to open it. */
  refusals: readonly string[]
}

/** How many bytes from the start of an image are enough for every format (VHDX keeps its size some MiB in). */
export const INSPECT_BYTES = 4 * 1024 * 1024

const SECTOR = 512
/** Larger disks are not believed: 2^46 bytes is 64 TiB. */
const MAX_VIRTUAL = 2 ** 46

type Finding = Omit<DiskInspection, 'format'>
type Probe = { format: DiskFormat, claims(head: DataView): boolean, read(head: DataView): Finding }

/**
 * Inspects the first bytes of an image: `head` is its first INSPECT_BYTES (or all of it when it is shorter), `length` the whole image's bytes.
 * Never throws on what the bytes say.
 */
export function inspectDisk(head: Uint8Array, length: number): DiskInspection {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const claimed = PROBES.filter(p => p.claims(view))
  const [first, second] = claimed
  if (!first) return { format: 'raw', virtualSize: length, refusals: [] }
  const { virtualSize, refusals } = first.format === 'iso' ? { virtualSize: length, refusals: [] } : first.read(view)
  return {
    format: first.format, virtualSize,
    refusals: [
      ...(second ? [`it is at once ${claimed.map(p => p.format).join(' and ')}`] : []),
      ...refusals,
      ...(virtualSize !== undefined && virtualSize > MAX_VIRTUAL ? [`its disk of ${virtualSize} bytes is larger than any that is accepted (${MAX_VIRTUAL})`] : []),
    ],
  }
}

/** Inspects the file at `path`. Throws what opening it throws; what the file says never throws. */
export async function inspectFile(path: string): Promise<DiskInspection> {
  await using file = await open(path, 'r')
  const { size } = await file.stat()
  const head = Buffer.alloc(Math.min(size, INSPECT_BYTES))
  let filled = 0
  while (filled < head.length) {
    const { bytesRead } = await file.read(head, filled, head.length - filled, filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return inspectDisk(head.subarray(0, filled), size)
}

/**
 * Checks that an image is what it was declared to be and safe to open, and gives its disk's size in bytes.
 * `raw` accepts whatever has no other signature, and an ISO; `iso` wants an ISO.
 * Throws Fault('badRequest', 'disk.formatMismatch' | 'disk.unsafe').
 */
export function declaredAs(declared: string, found: DiskInspection): number {
  const same = declared === found.format || (declared === 'vpc' && found.format === 'vhd') || (declared === 'raw' && found.format === 'iso')
  if (!same) throw new Fault('badRequest', 'disk.formatMismatch', `the image was declared to be ${declared}, its content is ${found.format}`)
  if (found.refusals.length > 0) throw new Fault('badRequest', 'disk.unsafe', `the image is not accepted: ${found.refusals.join('; ')}`)
  if (found.virtualSize === undefined) throw new Fault('badRequest', 'disk.unsafe', 'the image does not say how large its disk is')
  return found.virtualSize
}

const PROBES: readonly Probe[] = [
  { format: 'qcow2', claims: h => text(h, 0, 4) === 'QFI\xfb' && u32(h, 4) !== 1, read: qcow2 },
  { format: 'qcow', claims: h => text(h, 0, 4) === 'QFI\xfb' && u32(h, 4) === 1, read: unsupported('qcow version 1') },
  { format: 'qed', claims: h => text(h, 0, 4) === 'QED\0', read: unsupported('qed') },
  { format: 'luks', claims: h => text(h, 0, 6) === 'LUKS\xba\xbe', read: unsupported('an encrypted (luks) disk') },
  { format: 'parallels', claims: h => ['WithoutFreeSpace', 'WithouFreSpacExt'].includes(text(h, 0, 16)), read: unsupported('parallels') },
  { format: 'vmdk', claims: h => ['KDMV', 'COWD'].includes(text(h, 0, 4)) || /^\s*#\s*disk descriptorfile/i.test(text(h, 0, 512)), read: vmdk },
  { format: 'vdi', claims: h => u32(h, 64, true) === 0xbeda107f, read: vdi },
  { format: 'vhd', claims: h => text(h, 0, 8) === 'conectix', read: vhd },
  { format: 'vhdx', claims: h => text(h, 0, 8) === 'vhdxfile', read: vhdx },
  { format: 'iso', claims: h => [0x8001, 0x8801, 0x9001].some(at => text(h, at, 5) === 'CD001'), read: () => ({ virtualSize: undefined, refusals: [] }) },
]

const QCOW2_DATA_FILE = 0x44415441
/** Entries: QEMU opens no larger table (32 MiB). */
const QCOW2_LARGEST_L1 = 2 ** 22

function qcow2(h: DataView): Finding {
  const version = u32(h, 4)
  const clusterBits = u32(h, 20)
  const refusals = [
    ...(version === 2 || version === 3 ? [] : [`qcow2 version ${version} is not known`]),
    ...(u64(h, 8) === 0 && u32(h, 16) === 0 ? [] : ['it names a backing file']),
    ...(u32(h, 32) === 0 ? [] : ['it is encrypted']),
    ...(clusterBits !== undefined && clusterBits >= 9 && clusterBits <= 21 ? [] : ['its cluster size is out of range']),
    ...((u32(h, 36) ?? 0) <= QCOW2_LARGEST_L1 ? [] : ['its table of clusters is larger than any']),
  ]
  if (version === 3) {
    const features = u64(h, 72)
    if (features === undefined) refusals.push('its header is cut short')
    else {
      if (features & 2) refusals.push('it is marked corrupt')
      if (features & 4) refusals.push('its data is in an external file')
      if (features >= 32) refusals.push('it needs features that are not known')
    }
    const length = u32(h, 100) ?? 104
    if (length < 104 || length > 2 ** (clusterBits ?? 0)) refusals.push('its header\'s length is out of range')
    refusals.push(...qcow2Extensions(h, length))
  }
  return { virtualSize: u64(h, 24), refusals }
}

function qcow2Extensions(h: DataView, start: number): string[] {
  for (let at = start, seen = 0; seen < 64; seen++) {
    const type = u32(h, at)
    const size = u32(h, at + 4)
    if (type === undefined || size === undefined || type === 0) return []
    if (type === QCOW2_DATA_FILE) return ['it names an external data file']
    at += 8 + Math.ceil(size / 8) * 8
  }
  return ['it has too many header extensions']
}

function vmdk(h: DataView): Finding {
  if (text(h, 0, 4) !== 'KDMV') return { virtualSize: undefined, refusals: ['its VMDK descriptor names other files'] }
  const sectors = u64(h, 12, true)
  const at = u64(h, 28, true)
  const size = u64(h, 36, true)
  const virtualSize = sectors === undefined ? undefined : sectors * SECTOR
  if (!at || !size || size > 2048) return { virtualSize, refusals: ['its VMDK descriptor is missing'] }
  const descriptor = text(h, at * SECTOR, size * SECTOR).split('\0')[0]!
  const kind = /^\s*createType\s*=\s*"([^"]*)"/m.exec(descriptor)?.[1] ?? 'none'
  const extents = [...descriptor.matchAll(/^\s*(?:RW|RDONLY|NOACCESS)\s+\d+\s+(\S+)(.*)$/gm)]
  return {
    virtualSize,
    refusals: [
      ...(['monolithicSparse', 'streamOptimized'].includes(kind) ? [] : [`VMDK of type ${kind.slice(0, 40)} is not accepted`]),
      ...(extents.length === 1 && extents[0]![1] === 'SPARSE' && !/[/\\]/.test(extents[0]![2]!) ? [] : ['its VMDK extents are not exactly one that is in the file itself']),
      ...(/^\s*parentFileNameHint/m.test(descriptor) ? ['it names a parent'] : []),
    ],
  }
}

function vdi(h: DataView): Finding {
  const kind = u32(h, 0x4c, true)
  return { virtualSize: u64(h, 0x170, true), refusals: kind === 1 || kind === 2 ? [] : ['VDI that is neither dynamic nor static is not accepted'] }
}

function vhd(h: DataView): Finding {
  const kind = u32(h, 60)
  return { virtualSize: u64(h, 48), refusals: kind === 2 || kind === 3 ? [] : ['VHD that is neither fixed nor dynamic is not accepted'] }
}

const VHDX_REGIONS = 192 * 1024
const VHDX_METADATA = '06a27c8b90479a4bb8fe575f050f886e'
const VHDX_SIZE = '2442a52f1bcd7648b2115dbed83bf4b8'
const VHDX_PARENT = '2d5fd3a80bb34d45abf7d3d84834ab0c'

function vhdx(h: DataView): Finding {
  const missing = { virtualSize: undefined, refusals: ['its VHDX metadata is missing or too far into the file'] }
  if (text(h, VHDX_REGIONS, 4) !== 'regi') return missing
  let table: number | undefined
  for (let i = 0; i < Math.min(u32(h, VHDX_REGIONS + 8, true) ?? 0, 16); i++) {
    const entry = VHDX_REGIONS + 16 + i * 32
    if (guid(h, entry) === VHDX_METADATA) table = u64(h, entry + 16, true)
  }
  if (table === undefined || text(h, table, 8) !== 'metadata') return missing
  let virtualSize: number | undefined
  const refusals: string[] = []
  for (let i = 0; i < Math.min(h.byteLength > table + 12 ? h.getUint16(table + 10, true) : 0, 64); i++) {
    const entry = table + 32 + i * 32
    const id = guid(h, entry)
    if (id === VHDX_SIZE) virtualSize = u64(h, table + (u32(h, entry + 16, true) ?? 0), true)
    if (id === VHDX_PARENT) refusals.push('it names a parent')
  }
  return virtualSize === undefined ? missing : { virtualSize, refusals }
}

function unsupported(what: string): () => Finding {
  return () => ({ virtualSize: undefined, refusals: [`${what} is not accepted`] })
}

function u32(h: DataView, at: number, little = false): number | undefined {
  return at >= 0 && at + 4 <= h.byteLength ? h.getUint32(at, little) : undefined
}

/** Values beyond 2^53 come out rounded: they are refused for their size anyway. */
function u64(h: DataView, at: number, little = false): number | undefined {
  return at >= 0 && at + 8 <= h.byteLength ? Number(h.getBigUint64(at, little)) : undefined
}

function text(h: DataView, at: number, length: number): string {
  if (at < 0 || at >= h.byteLength) return ''
  return Buffer.from(h.buffer, h.byteOffset + at, Math.min(length, h.byteLength - at)).toString('latin1')
}

function guid(h: DataView, at: number): string {
  return Buffer.from(text(h, at, 16), 'latin1').toString('hex')
}
