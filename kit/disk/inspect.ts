// Reads the header of a disk image and says what it is, how large its disk is, and why it must not be opened.
//
// Properties, each a test:
// - it looks at bytes only: nothing an image names is ever opened;
// - whatever would make QEMU open a second file (backing file, external data file, VMDK extents, VDI and VHDX parents) is a refusal;
// - an image that two formats claim at once is a refusal, so that what we call it is what QEMU calls it (an ISO may carry a boot sector, no other format may);
// - tables that lie in each other, in the header or beyond the end are a refusal: nobody's reader has to cope with them;
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
/** How many tell what it claims to be: an ISO's marks are the farthest. */
const CLAIM_BYTES = 64 * 1024

const SECTOR = 512
/** Larger disks are not believed: 2^46 bytes is 64 TiB. */
const MAX_VIRTUAL = 2 ** 46

type Finding = Omit<DiskInspection, 'format'>
/** `claims` wants CLAIM_BYTES; `read` wants what `wants` says, INSPECT_BYTES where it is not there. */
type Probe = { format: DiskFormat, claims(head: DataView): boolean, wants?(head: DataView): number, read(head: DataView, length: number): Finding }

/**
 * Inspects the first bytes of an image: `head` is its first INSPECT_BYTES (or all of it when it is shorter), `length` the whole image's bytes, or as many as it may have where
 * that is not known yet. Never throws on what the bytes say.
 */
export function inspectDisk(head: Uint8Array, length: number): DiskInspection {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const claimed = PROBES.filter(p => p.claims(view))
  const [first, second] = claimed
  if (!first) return { format: 'raw', virtualSize: length, refusals: [] }
  const { virtualSize, refusals } = first.format === 'iso' ? { virtualSize: length, refusals: [] } : first.read(view, length)
  return {
    format: first.format, virtualSize,
    refusals: [
      ...(second ? [`it is at once ${claimed.map(p => p.format).join(' and ')}`] : []),
      ...(first.format !== 'iso' && bootSector(view) ? [`it is at once ${first.format} and a disk with a boot sector`] : []),
      ...refusals,
      ...(virtualSize !== undefined && virtualSize > MAX_VIRTUAL ? [`its disk of ${virtualSize} bytes is larger than any that is accepted (${MAX_VIRTUAL})`] : []),
    ],
  }
}

/** How many bytes from its start the inspection of an image wants, as far as those can tell that are known; no more than it says once they are there. */
export function wantedBytes(head: Uint8Array): number {
  if (head.length < CLAIM_BYTES) return CLAIM_BYTES
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const claimed = PROBES.filter(p => p.claims(view))
  return Math.max(CLAIM_BYTES, ...claimed.map(p => p.wants?.(view) ?? INSPECT_BYTES))
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
  { format: 'qcow2', claims: h => text(h, 0, 4) === 'QFI\xfb' && u32(h, 4) !== 1, wants: qcow2Cluster, read: qcow2 },
  { format: 'qcow', claims: h => text(h, 0, 4) === 'QFI\xfb' && u32(h, 4) === 1, read: unsupported('qcow version 1') },
  { format: 'qed', claims: h => text(h, 0, 4) === 'QED\0', read: unsupported('qed') },
  { format: 'luks', claims: h => text(h, 0, 6) === 'LUKS\xba\xbe', read: unsupported('an encrypted (luks) disk') },
  { format: 'parallels', claims: h => ['WithoutFreeSpace', 'WithouFreSpacExt'].includes(text(h, 0, 16)), read: unsupported('parallels') },
  { format: 'vmdk', claims: h => ['KDMV', 'COWD'].includes(text(h, 0, 4)) || /^\s*#\s*disk descriptorfile/i.test(text(h, 0, 512)), read: vmdk },
  { format: 'vdi', claims: h => u32(h, 64, true) === 0xbeda107f, read: vdi },
  { format: 'vhd', claims: h => text(h, 0, 8) === 'conectix', read: vhd },
  { format: 'vhdx', claims: h => text(h, 0, 8) === 'vhdxfile', read: vhdx },
  { format: 'iso', claims: h => [0x8001, 0x8801, 0x9001].some(at => text(h, at, 5) === 'CD001'), wants: () => CLAIM_BYTES, read: () => ({ virtualSize: undefined, refusals: [] }) },
]

/** Bytes of its first cluster, where its header is, and all that the header may be followed by. */
function qcow2Cluster(h: DataView): number {
  const bits = u32(h, 20) ?? 0
  return bits <= 21 ? 2 ** bits : CLAIM_BYTES               // no image of larger ones is accepted
}

const QCOW2_DATA_FILE = 0x44415441
/** Bytes of the shortest entry in its table. */
const QCOW2_SNAPSHOT = 40
/** Entries: QEMU opens no larger table (32 MiB). */
const QCOW2_LARGEST_L1 = 2 ** 22

/** A boot sector's mark, where GPT and MBR disks have it. */
function bootSector(h: DataView): boolean {
  return text(h, 510, 2) === '\x55\xaa'
}

/** Where something lies in the file: `end` is the first byte after it. */
interface Extent { what: string, start: number, end: number }

/** What is wrong with where the tables of an image of `length` bytes lie; the first of them is its header. */
function misplaced(tables: readonly Extent[], length: number): string[] {
  const beyond = tables.filter(table => table.end > length).map(table => `${table.what} is beyond its end: it is cut short`)
  const sorted = tables.toSorted((a, b) => a.start - b.start)
  const shared = sorted.filter((table, i) => i > 0 && table.start < sorted[i - 1]!.end).map(table => `${table.what} overlaps another table`)
  return [...beyond, ...shared]
}

function qcow2(h: DataView, length: number): Finding {
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
    const headerLength = u32(h, 100) ?? 104
    if (headerLength < 104 || headerLength > 2 ** (clusterBits ?? 0)) refusals.push('its header\'s length is out of range')
    refusals.push(...qcow2Extensions(h, headerLength, 2 ** (clusterBits ?? 0)))
  }
  if (refusals.length === 0) refusals.push(...qcow2Tables(h, length, 2 ** (clusterBits ?? 0)))
  return { virtualSize: u64(h, 24), refusals }
}

/** Its tables are in clusters of their own, behind the one of the header. */
function qcow2Tables(h: DataView, length: number, cluster: number): string[] {
  const entries = u32(h, 36) ?? 0, counts = u32(h, 56) ?? 0, snapshots = u32(h, 60) ?? 0
  const at = (offset: number) => u64(h, offset) ?? 0
  const tables = [
    ...(entries > 0 ? [{ what: 'its table of clusters', start: at(40), end: at(40) + entries * 8 }] : []),
    ...(counts > 0 ? [{ what: 'its table of references', start: at(48), end: at(48) + counts * cluster }] : []),
    ...(snapshots > 0 ? [{ what: 'its table of snapshots', start: at(64), end: at(64) + snapshots * QCOW2_SNAPSHOT }] : []),
  ]
  return [
    ...(tables.some(table => table.start % cluster !== 0) ? ['a table of it does not begin with a cluster'] : []),
    ...misplaced([{ what: 'its header', start: 0, end: Math.min(cluster, length) }, ...tables], length),
  ]
}

/** They follow the header, and end with its cluster at the latest: QEMU opens none whose do not. */
function qcow2Extensions(h: DataView, start: number, cluster: number): string[] {
  for (let at = start, seen = 0; seen < 64; seen++) {
    if (at >= cluster) return []
    const type = u32(h, at)
    const size = u32(h, at + 4)
    if (type === undefined || size === undefined || type === 0) return []
    if (type === QCOW2_DATA_FILE) return ['it names an external data file']
    if (at + 8 + size > cluster) return ['its header extensions are longer than a cluster']
    at += 8 + Math.ceil(size / 8) * 8
  }
  return ['it has too many header extensions']
}

function vmdk(h: DataView, length: number): Finding {
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
      ...(sectors === 0 ? ['its VMDK header has no sectors, so that its descriptor decides what is opened'] : []),
      ...misplaced([{ what: 'its VMDK header', start: 0, end: SECTOR }, { what: 'its VMDK descriptor', start: at * SECTOR, end: (at + size) * SECTOR }], length),
      ...(['monolithicSparse', 'streamOptimized'].includes(kind) ? [] : [`VMDK of type ${kind.slice(0, 40)} is not accepted`]),
      ...(extents.length === 1 && extents[0]![1] === 'SPARSE' && !/[/\\]/.test(extents[0]![2]!) ? [] : ['its VMDK extents are not exactly one that is in the file itself']),
      ...(/^\s*parentFileNameHint/m.test(descriptor) ? ['it names a parent'] : []),
    ],
  }
}

const VDI_HEADER = 0x1d0
const NO_UUID = '0'.repeat(32)

function vdi(h: DataView, length: number): Finding {
  const kind = u32(h, 0x4c, true)
  const map = u32(h, 0x154, true) ?? 0, data = u32(h, 0x158, true) ?? 0, blocks = u32(h, 0x180, true) ?? 0, allocated = u32(h, 0x184, true) ?? 0
  const tables = [{ what: 'its VDI header', start: 0, end: VDI_HEADER }, { what: 'its map of blocks', start: map, end: map + blocks * 4 }, ...(allocated > 0 ? [{ what: 'its first block', start: data, end: data + 1 }] : [])]
  return {
    virtualSize: u64(h, 0x170, true),
    refusals: [
      ...(kind === 1 || kind === 2 ? [] : ['VDI that is neither dynamic nor static is not accepted']),
      ...([0x1a8, 0x1b8].some(at => ![NO_UUID, ''].includes(guid(h, at))) ? ['it names a parent'] : []),
      ...misplaced(tables, length),
    ],
  }
}

function vhd(h: DataView, length: number): Finding {
  const kind = u32(h, 60)
  const refusals = kind === 2 || kind === 3 ? [] : ['VHD that is neither fixed nor dynamic is not accepted']
  if (kind === 3) {
    const start = u64(h, 16) ?? 0
    const table = u64(h, start + 16) ?? 0
    if (text(h, start, 8) !== 'cxsparse') refusals.push('its VHD header is missing or too far into the file')
    else refusals.push(...misplaced([{ what: 'its VHD footer', start: 0, end: SECTOR }, { what: 'its VHD header', start, end: start + 1024 }, { what: 'its table of blocks', start: table, end: table + (u32(h, start + 28) ?? 0) * 4 }], length))
  }
  return { virtualSize: u64(h, 48), refusals }
}

const VHDX_REGIONS = 192 * 1024
const VHDX_METADATA = '06a27c8b90479a4bb8fe575f050f886e'
const VHDX_SIZE = '2442a52f1bcd7648b2115dbed83bf4b8'
const VHDX_FILE = '3767a1ca36fa434db3b633f0aa44e76b'
const VHDX_PARENT = '2d5fd3a80bb34d45abf7d3d84834ab0c'

function vhdx(h: DataView, length: number): Finding {
  const missing = { virtualSize: undefined, refusals: ['its VHDX metadata is missing or too far into the file'] }
  if (text(h, VHDX_REGIONS, 4) !== 'regi') return missing
  let table: number | undefined
  const regions: Extent[] = [{ what: 'its VHDX header', start: 0, end: VHDX_REGIONS + 64 * 1024 }]
  for (let i = 0; i < Math.min(u32(h, VHDX_REGIONS + 8, true) ?? 0, 16); i++) {
    const entry = VHDX_REGIONS + 16 + i * 32
    const start = u64(h, entry + 16, true) ?? 0
    regions.push({ what: `its VHDX region ${i}`, start, end: start + (u32(h, entry + 24, true) ?? 0) })
    if (guid(h, entry) === VHDX_METADATA) table = start
  }
  if (table === undefined || text(h, table, 8) !== 'metadata') return missing
  let virtualSize: number | undefined
  const refusals: string[] = misplaced(regions, length)
  for (let i = 0; i < Math.min(h.byteLength > table + 12 ? h.getUint16(table + 10, true) : 0, 64); i++) {
    const entry = table + 32 + i * 32
    const id = guid(h, entry)
    if (id === VHDX_SIZE) virtualSize = u64(h, table + (u32(h, entry + 16, true) ?? 0), true)
    if (id === VHDX_PARENT || (id === VHDX_FILE && ((u32(h, table + (u32(h, entry + 16, true) ?? 0) + 4, true) ?? 0) & 2) !== 0)) refusals.push('it names a parent')
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
