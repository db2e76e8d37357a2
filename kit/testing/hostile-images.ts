// Disk images that must not be opened: made here, each with the format that it poses as and the reason for which it is refused.
import type { DiskFormat } from '../disk/index.ts'

/** One of them. */
export interface HostileImage {
  /** What it is, as a sentence about it begins. */
  name: string
  /** The disk format that its sender declares. */
  declared: DiskFormat | 'ploop' | 'aki'
  bytes: Buffer
  /** What the refusal says. */
  because: RegExp
}

const MIB = 1024 * 1024
const CLUSTER = 65_536

/** A header of a qcow2 disk of 1 MiB, changed as `change` likes. */
export function qcow2Header(change: (header: Buffer) => void = () => {}): Buffer {
  const header = Buffer.alloc(512)
  header.write('QFI\xfb', 0, 'latin1')
  header.writeUInt32BE(3, 4)
  header.writeUInt32BE(16, 20)
  header.writeBigUInt64BE(BigInt(MIB), 24)
  header.writeUInt32BE(104, 100)
  change(header)
  return header
}

/** A whole qcow2 file: header, references and clusters each in a cluster of their own. */
function qcow2File(change: (file: Buffer) => void): Buffer {
  const file = Buffer.concat([qcow2Header(), Buffer.alloc(4 * CLUSTER - 512)])
  file.writeUInt32BE(1, 36)
  file.writeBigUInt64BE(BigInt(3 * CLUSTER), 40)
  file.writeBigUInt64BE(BigInt(CLUSTER), 48)
  file.writeUInt32BE(1, 56)
  change(file)
  return file
}

function vmdk(descriptor: string, change: (file: Buffer) => void = () => {}): Buffer {
  const file = Buffer.alloc(4096)
  file.write('KDMV', 0)
  file.writeBigUInt64LE(2048n, 12)
  file.writeBigUInt64LE(1n, 28)
  file.writeBigUInt64LE(4n, 36)
  file.write(descriptor, 512)
  change(file)
  return file
}

const SPARSE = 'createType="monolithicSparse"\nRW 2048 SPARSE "a"\n'

function vdi(change: (file: Buffer) => void): Buffer {
  const file = Buffer.alloc(4096)
  file.writeUInt32LE(0xbeda107f, 64)
  file.writeUInt32LE(1, 0x4c)
  file.writeUInt32LE(512, 0x154)
  file.writeUInt32LE(1024, 0x158)
  file.writeBigUInt64LE(BigInt(MIB), 0x170)
  file.writeUInt32LE(1, 0x180)
  file.writeUInt32LE(1, 0x184)
  change(file)
  return file
}

function vhd(change: (file: Buffer) => void): Buffer {
  const file = Buffer.alloc(4096)
  file.write('conectix', 0)
  file.writeBigUInt64BE(512n, 16)
  file.writeBigUInt64BE(BigInt(MIB), 48)
  file.writeUInt32BE(3, 60)
  file.write('cxsparse', 512)
  file.writeBigUInt64BE(1536n, 512 + 16)
  file.writeUInt32BE(1, 512 + 28)
  change(file)
  return file
}

const METADATA = 512 * 1024
const guid = (text: string) => Buffer.from(text, 'hex')

function vhdx(change: (file: Buffer) => void): Buffer {
  const file = Buffer.alloc(MIB)
  file.write('vhdxfile', 0)
  file.write('regi', 196_608)
  file.writeUInt32LE(1, 196_608 + 8)
  guid('06a27c8b90479a4bb8fe575f050f886e').copy(file, 196_624)
  file.writeBigUInt64LE(BigInt(METADATA), 196_624 + 16)
  file.writeUInt32LE(CLUSTER, 196_624 + 24)
  file.write('metadata', METADATA)
  file.writeUInt16LE(2, METADATA + 10)
  guid('2442a52f1bcd7648b2115dbed83bf4b8').copy(file, METADATA + 32)
  file.writeUInt32LE(4096, METADATA + 48)
  file.writeBigUInt64LE(BigInt(MIB), METADATA + 4096)
  guid('3767a1ca36fa434db3b633f0aa44e76b').copy(file, METADATA + 64)
  file.writeUInt32LE(8192, METADATA + 80)
  change(file)
  return file
}

function iso(start: Buffer): Buffer {
  const file = Buffer.alloc(0x9000)
  start.copy(file)
  file.write('CD001', 0x8001)
  return file
}

/** `file` with the mark of a boot sector, and one partition. */
function bootable(file: Buffer): Buffer {
  file[450] = 0x83
  file.write('\x55\xaa', 510, 'latin1')
  return file
}

const backed = (h: Buffer) => { h.writeBigUInt64BE(256n, 8); h.writeUInt32BE(11, 16); h.write('/etc/passwd', 256) }

/** All of them: every one is refused by whoever reads disks, and leaves nothing. */
export const HOSTILE_IMAGES: readonly HostileImage[] = [
  { name: 'qcow2 with a backing file', declared: 'qcow2', bytes: qcow2Header(backed), because: /backing file/ },
  { name: 'qcow2 with a backing file of no length', declared: 'qcow2', bytes: qcow2Header(h => h.writeBigUInt64BE(256n, 8)), because: /backing file/ },
  { name: 'qcow2 version 2 with a backing file', declared: 'qcow2', bytes: qcow2Header(h => { backed(h); h.writeUInt32BE(2, 4) }), because: /backing file/ },
  { name: 'qcow2 whose data is in an external file', declared: 'qcow2', bytes: qcow2Header(h => h.writeBigUInt64BE(4n, 72)), because: /external file/ },
  { name: 'qcow2 with an external data file name', declared: 'qcow2', bytes: qcow2Header(h => { h.writeUInt32BE(0x44415441, 104); h.writeUInt32BE(8, 108) }), because: /external data file/ },
  { name: 'qcow2 with an external data file name behind the cluster of its header', declared: 'qcow2', bytes: qcow2File(f => { f.writeUInt32BE(0x6803f857, 104); f.writeUInt32BE(CLUSTER, 108); f.writeUInt32BE(0x44415441, CLUSTER + 112) }), because: /longer than a cluster/ },
  { name: 'encrypted qcow2', declared: 'qcow2', bytes: qcow2Header(h => h.writeUInt32BE(2, 32)), because: /encrypted/ },
  { name: 'qcow2 with unknown features', declared: 'qcow2', bytes: qcow2Header(h => h.writeBigUInt64BE(1n << 40n, 72)), because: /not known/ },
  { name: 'qcow2 whose header is longer than a cluster', declared: 'qcow2', bytes: qcow2Header(h => h.writeUInt32BE(0xffff_ffff, 100)), because: /header.*length/ },
  { name: 'qcow2 whose table QEMU would not open', declared: 'qcow2', bytes: qcow2Header(h => h.writeUInt32BE(0xffff_ffff, 36)), because: /table of clusters/ },
  { name: 'qcow2 of a future version', declared: 'qcow2', bytes: qcow2Header(h => h.writeUInt32BE(9, 4)), because: /version 9/ },
  { name: 'qcow2 of 2^62 bytes', declared: 'qcow2', bytes: qcow2Header(h => h.writeBigUInt64BE(1n << 62n, 24)), because: /larger than any/ },
  { name: 'qcow2 cut after its magic', declared: 'qcow2', bytes: Buffer.from('QFI\xfb', 'latin1'), because: /version/ },
  { name: 'qcow2 cut before its tables', declared: 'qcow2', bytes: qcow2File(() => {}).subarray(0, 2 * CLUSTER), because: /table of clusters is beyond its end/ },
  { name: 'qcow2 whose clusters are in its header', declared: 'qcow2', bytes: qcow2File(f => f.writeBigUInt64BE(0n, 40)), because: /overlaps/ },
  { name: 'qcow2 whose clusters are in its references', declared: 'qcow2', bytes: qcow2File(f => f.writeBigUInt64BE(BigInt(CLUSTER), 40)), because: /overlaps/ },
  { name: 'qcow2 with a table that begins within a cluster', declared: 'qcow2', bytes: qcow2File(f => f.writeBigUInt64BE(BigInt(CLUSTER + 8), 48)), because: /begin with a cluster/ },
  { name: 'qcow2 whose snapshots are in its header', declared: 'qcow2', bytes: qcow2File(f => f.writeUInt32BE(1, 60)), because: /overlaps/ },
  { name: 'qcow2 that is also an ISO', declared: 'qcow2', bytes: iso(qcow2Header()), because: /at once qcow2 and iso/ },
  { name: 'ISO that is also qcow2', declared: 'iso', bytes: iso(qcow2Header()), because: /qcow2/ },
  { name: 'ISO that is also a VMDK', declared: 'iso', bytes: iso(vmdk(SPARSE)), because: /vmdk/ },
  { name: 'VMDK that is also an ISO', declared: 'vmdk', bytes: iso(vmdk(SPARSE)), because: /at once vmdk and iso/ },
  { name: 'ISO that begins with a VMDK descriptor', declared: 'iso', bytes: iso(Buffer.from('# Disk DescriptorFile\nRW 2048 FLAT "/etc/shadow" 0\n')), because: /vmdk/ },
  { name: 'qcow2 that is also a disk with partitions', declared: 'qcow2', bytes: bootable(qcow2Header()), because: /boot sector/ },
  { name: 'VDI that is also a disk with partitions', declared: 'vdi', bytes: bootable(vdi(() => {})), because: /boot sector/ },
  { name: 'VHD that is also a disk with partitions', declared: 'vhd', bytes: bootable(vhd(() => {})), because: /boot sector/ },
  { name: 'VDI that is also qcow2', declared: 'vdi', bytes: vdi(f => qcow2Header().copy(f, 0, 0, 64)), because: /qcow2/ },
  { name: 'qcow2 that is declared raw', declared: 'raw', bytes: qcow2Header(), because: /content is qcow2/ },
  { name: 'qcow2 with a backing file that is declared a kernel', declared: 'aki', bytes: qcow2Header(backed), because: /content is qcow2/ },
  { name: 'qcow2 that is declared ploop', declared: 'ploop', bytes: qcow2Header(), because: /content is qcow2/ },
  { name: 'qcow2 that is declared a VMDK', declared: 'vmdk', bytes: qcow2Header(), because: /content is qcow2/ },
  { name: 'raw bytes that are declared qcow2', declared: 'qcow2', bytes: Buffer.alloc(1024, 'x'), because: /content is raw/ },
  { name: 'qcow version 1', declared: 'qcow2', bytes: qcow2Header(h => h.writeUInt32BE(1, 4)), because: /content is qcow|version 1/ },
  { name: 'luks that is declared raw', declared: 'raw', bytes: Buffer.from('LUKS\xba\xbe\0\x01', 'latin1'), because: /luks/ },
  { name: 'qed that is declared raw', declared: 'raw', bytes: Buffer.from('QED\0', 'latin1'), because: /qed/ },
  { name: 'VMDK that is only a descriptor', declared: 'vmdk', bytes: Buffer.from('# Disk DescriptorFile\nRW 2048 FLAT "/etc/shadow" 0\n'), because: /other files/ },
  { name: 'VMDK with a flat extent', declared: 'vmdk', bytes: vmdk('createType="monolithicFlat"\nRW 2048 FLAT "/etc/shadow" 0\n'), because: /monolithicFlat.*extents/ },
  { name: 'VMDK that says sparse but names a host file', declared: 'vmdk', bytes: vmdk('createType="monolithicSparse"\nRW 2048 SPARSE "/etc/shadow"\n'), because: /extents/ },
  { name: 'VMDK with a second extent', declared: 'vmdk', bytes: vmdk('createType="monolithicSparse"\nRW 1 SPARSE "a"\nRW 1 FLAT "b" 0\n'), because: /extents/ },
  { name: 'VMDK with a parent', declared: 'vmdk', bytes: vmdk('createType="monolithicSparse"\nparentFileNameHint="/x"\nRW 1 SPARSE "a"\n'), because: /parent/ },
  { name: 'VMDK whose header leaves all to its descriptor', declared: 'vmdk', bytes: vmdk(SPARSE, f => f.writeBigUInt64LE(0n, 12)), because: /no sectors/ },
  { name: 'VMDK whose descriptor is its header', declared: 'vmdk', bytes: vmdk(SPARSE, f => f.writeBigUInt64LE(0n, 28)), because: /descriptor is missing/ },
  { name: 'VMDK whose descriptor is beyond its end', declared: 'vmdk', bytes: vmdk(SPARSE, f => f.writeBigUInt64LE(1n << 40n, 28)), because: /beyond its end/ },
  { name: 'VMDK of 2^60 bytes', declared: 'vmdk', bytes: vmdk(SPARSE, f => f.writeBigUInt64LE(1n << 51n, 12)), because: /larger than any/ },
  { name: 'differencing VDI', declared: 'vdi', bytes: vdi(f => f.writeUInt32LE(4, 0x4c)), because: /VDI/ },
  { name: 'VDI that names a parent', declared: 'vdi', bytes: vdi(f => f.fill(7, 0x1b8, 0x1c8)), because: /parent/ },
  { name: 'VDI whose map is in its first block', declared: 'vdi', bytes: vdi(f => f.writeUInt32LE(512, 0x158)), because: /overlaps/ },
  { name: 'VDI with more blocks than it has bytes', declared: 'vdi', bytes: vdi(f => f.writeUInt32LE(0x7fff_ffff, 0x180)), because: /cut short/ },
  { name: 'differencing VHD', declared: 'vhd', bytes: vhd(f => f.writeUInt32BE(4, 60)), because: /VHD/ },
  { name: 'VHD without its second header', declared: 'vhd', bytes: vhd(f => f.write('nothing!', 512)), because: /header is missing/ },
  { name: 'VHD whose blocks are in its header', declared: 'vhd', bytes: vhd(f => f.writeBigUInt64BE(600n, 512 + 16)), because: /overlaps/ },
  { name: 'VHDX without metadata', declared: 'vhdx', bytes: Buffer.from('vhdxfile'), because: /metadata/ },
  { name: 'VHDX that names a parent', declared: 'vhdx', bytes: vhdx(f => guid('2d5fd3a80bb34d45abf7d3d84834ab0c').copy(f, METADATA + 64)), because: /parent/ },
  { name: 'VHDX that has a parent', declared: 'vhdx', bytes: vhdx(f => f.writeUInt32LE(2, METADATA + 8192 + 4)), because: /parent/ },
  { name: 'VHDX whose metadata is in its header', declared: 'vhdx', bytes: vhdx(f => f.writeBigUInt64LE(4096n, 196_624 + 16)), because: /metadata is missing/ },
  { name: 'VHDX whose metadata is cut short', declared: 'vhdx', bytes: vhdx(f => f.writeUInt32LE(2 ** 31, 196_624 + 24)), because: /cut short/ },
]

/** The same files without what is wrong with them, where that can be made here: they are let in. */
export const HARMLESS_IMAGES: readonly Omit<HostileImage, 'because'>[] = [
  { name: 'qcow2', declared: 'qcow2', bytes: qcow2File(() => {}) }, { name: 'VMDK', declared: 'vmdk', bytes: vmdk(SPARSE) }, { name: 'VDI', declared: 'vdi', bytes: vdi(() => {}) },
  { name: 'VHD', declared: 'vhd', bytes: vhd(() => {}) }, { name: 'VHDX', declared: 'vhdx', bytes: vhdx(() => {}) }, { name: 'ISO', declared: 'iso', bytes: iso(Buffer.alloc(0)) },
  { name: 'ISO that boots', declared: 'iso', bytes: bootable(iso(Buffer.alloc(0))) }, { name: 'disk with partitions', declared: 'raw', bytes: bootable(Buffer.alloc(4096)) }, { name: 'kernel', declared: 'aki', bytes: bootable(Buffer.alloc(1024)) },
]
