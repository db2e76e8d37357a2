// Guests' ports: a persistent tap in the cloud's namespace, which a hypervisor opens by name. Filters are loaded before the tap is plugged in.
import { bridgeOf, tapOf } from '../../model/names.ts'
import type { PortPlan } from '../../model/plans.ts'
import { GONE, THERE, type Context } from './context.ts'
import type { Filters } from './filters.ts'

/** Makes the taps, or changes them to be so; a port that is administratively down has its tap down. */
export async function applyPorts(context: Context, filters: Filters, plans: readonly PortPlan[]): Promise<void> {
  await filters.load(plans.map(({ portId, networkId, filter }) => ({ tap: tapOf(portId), bridge: bridgeOf(networkId), ...(filter && { filter }) })))
  const { commands, netns, mark } = context
  await commands.ip(netns, plans.map(({ portId }) => `tuntap add dev ${tapOf(portId)} mode tap`), { tolerate: THERE })
  await commands.ip(netns, plans.map(({ portId, networkId, mtu, adminUp }) =>
    `link set dev ${tapOf(portId)} alias ${mark} mtu ${mtu} master ${bridgeOf(networkId)} ${adminUp ? 'up' : 'down'}`))
}

/** Removes the tap, then its filters: there is no moment when it is there without them. */
export async function removePort(context: Context, filters: Filters, portId: string): Promise<void> {
  await context.commands.ip(context.netns, [`link delete dev ${tapOf(portId)}`], { tolerate: GONE })
  await filters.unload(tapOf(portId))
}
