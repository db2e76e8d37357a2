// A small disk image made of nothing, for clouds whose guests are only told of: a valid qcow2 of 1 GiB without a single cluster written.
// Layout: qcow2 specification, version 2 header; header, refcount table, one refcount block and the L1 table, a cluster each.

const CLUSTER = 65_536

/** The bytes of an empty qcow2 disk. */
export function emptyImage(virtualBytes = 1024 ** 3): Buffer {
  const image = Buffer.alloc(4 * CLUSTER)
  const perTable = CLUSTER / 8 * CLUSTER                        // bytes of disk that one L2 table covers
  image.write('QFI\xfb', 0, 'latin1')
  image.writeUInt32BE(2, 4)                                     // version
  image.writeUInt32BE(16, 20)                                   // cluster bits
  image.writeBigUInt64BE(BigInt(virtualBytes), 24)
  image.writeUInt32BE(Math.ceil(virtualBytes / perTable), 36)   // entries of the L1 table
  image.writeBigUInt64BE(BigInt(3 * CLUSTER), 40)               // the L1 table
  image.writeBigUInt64BE(BigInt(CLUSTER), 48)                   // the refcount table
  image.writeUInt32BE(1, 56)                                    // its clusters
  image.writeBigUInt64BE(BigInt(2 * CLUSTER), CLUSTER)          // the refcount block
  for (let cluster = 0; cluster < 4; cluster++) image.writeUInt16BE(1, 2 * CLUSTER + 2 * cluster)
  return image
}
