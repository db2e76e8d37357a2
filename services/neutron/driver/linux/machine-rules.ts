// The machine's own table of rules: one for all external networks that lead out of this host and all tunnels that end on it, written anew with each change.
import { machineCommands, type Uplink } from '../../model/router-rules.ts'
import type { Context } from './context.ts'

/** What the machine lets in from this cloud's networks and tunnels. */
export class MachineRules {
  readonly #context: Context
  readonly #uplinks = new Map<string, Uplink>()                           // by their link
  readonly #peers = new Map<string, readonly string[]>()                  // by the tunnels' link
  #written: string | undefined

  constructor(context: Context) {
    this.#context = context
  }

  hasUplink(link: string): boolean {
    return this.#uplinks.has(link)
  }

  /** A network's way out over this link; undefined: there is no such link. */
  async setUplink(link: string, uplink: Omit<Uplink, 'link'> | undefined): Promise<void> {
    if (uplink) this.#uplinks.set(link, { link, ...uplink })
    else if (!this.#uplinks.delete(link)) return
    await this.#write()
  }

  /** A way out that an earlier process made; its rules stay as they are until something changes. */
  recallUplink(link: string, uplink: Omit<Uplink, 'link'>): void {
    this.#uplinks.set(link, { link, ...uplink })
  }

  /** Which hosts the tunnels on this link hear; undefined: there is no such link. */
  async setPeers(link: string, peers: readonly string[] | undefined): Promise<void> {
    if (peers) this.#peers.set(link, peers)
    else if (!this.#peers.delete(link)) return
    await this.#write()
  }

  /** What an earlier process let in; its rules stay as they are until something changes. */
  recallPeers(link: string, peers: readonly string[]): void {
    this.#peers.set(link, peers)
  }

  async #write(): Promise<void> {
    const { mark, tunnelAddress, commands } = this.#context
    const peers = [...new Set([...this.#peers.values()].flat())].toSorted()
    const tunnels = tunnelAddress !== undefined && this.#peers.size > 0 ? { address: tunnelAddress, peers } : undefined
    const rules = machineCommands(mark, [...this.#uplinks.values()], tunnels)
    const text = rules.join('\n')
    if (text === this.#written) return
    this.#written = undefined
    await commands.nft('', rules)
    this.#written = text
  }
}
