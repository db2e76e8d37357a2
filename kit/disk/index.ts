// Disk images: what a header says without trusting it, hashes of their bytes, the one sandboxed qemu-img, images on their way to a host, and images that scripts build.
export { builtImage, type ImageBuild } from './built-image.ts'
export { DiskHead } from './head.ts'
export { hashing, type Hashing } from './hashing.ts'
export { bytesOf, fileOf, HeldFile, type ImageSource, type OpenedImage } from './image-source.ts'
export { INSPECT_BYTES, declaredAs, inspectDisk, inspectFile, type DiskFormat, type DiskInspection } from './inspect.ts'
export { qemuImg, type QemuImg, type ReachedDisk, type WritableFormat } from './qemu-img.ts'
export { attachmentKey, clientWaitsAt, endStorageDaemons, keepStorageDaemon, storageDaemonArguments, storageDaemonIn, storageDaemonsOf, type RunningStorageDaemon, type StorageDaemon } from './storage-daemon.ts'
