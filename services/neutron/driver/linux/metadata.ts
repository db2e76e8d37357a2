// Listeners for metadata inside namespaces, served from this process.
import type { Server } from 'node:net'
import { listenIn } from '@alto/kit/host'
import { METADATA_ADDRESS } from '../../model/dnsmasq.ts'
import type { MetadataListener } from '../network.ts'

/** The open listeners, by namespace. */
export class MetadataListeners {
  readonly #listener: MetadataListener
  readonly #open = new Map<string, Promise<Server>>()

  constructor(listener: MetadataListener) {
    this.#listener = listener
  }

  /** Listens in the namespace, which has the address, unless it does already. */
  async open(netns: string, origin: { networkId: string } | { routerId: string }): Promise<void> {
    let opening = this.#open.get(netns)
    if (!opening) {
      opening = listenIn(netns, METADATA_ADDRESS, 80).then(server => server.on('connection', socket => {
        this.#listener({ ...origin, address: (socket.remoteAddress ?? '').replace(/^::ffff:/, '') }, socket)
      }))
      this.#open.set(netns, opening)
      opening.catch(() => this.#open.delete(netns))
    }
    await opening
  }

  /** Stops listening; connections that are open end by themselves. */
  async close(netns: string): Promise<void> {
    const opening = this.#open.get(netns)
    this.#open.delete(netns)
    const server = await opening?.catch(() => undefined)
    if (server) await new Promise<void>(resolve => { server.close(() => resolve()); server.unref() })
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map(netns => this.close(netns)))
  }
}
