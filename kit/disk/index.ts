// Disk images: what a header says without trusting it, and the one sandboxed qemu-img.
export { INSPECT_BYTES, declaredAs, inspectDisk, inspectFile, type DiskFormat, type DiskInspection } from './inspect.ts'
export { qemuImg, type QemuImg, type WritableFormat } from './qemu-img.ts'
