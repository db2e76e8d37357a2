// Bytes between hosts: each host's data listener, who may connect to it, and the keys of all such links.
export { connectData, connectUnix, joinStreams } from './connect.ts'
export { linkKey } from './keys.ts'
export { listenForData, type DataListener, type DataListenerOptions, type Invitation } from './listener.ts'
