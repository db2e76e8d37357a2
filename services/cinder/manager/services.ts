// Volume hosts, as administrators see them.
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import * as rules from '../policy/services.ts'
import * as hosts from '../store/hosts.ts'
import type { VolumeHost } from '../store/hosts.ts'
import * as volumeRules from '../policy/volumes.ts'
import { projectOf, type Deps } from './deps.ts'

export type ServiceManager = ReturnType<typeof serviceManager>

/** The use cases of services, pools and zones. */
export function serviceManager({ db, options, silentSince }: Deps) {
  const isUp = (host: VolumeHost) => host.seenAt >= silentSince()
  return {
    async list(ctx: Context): Promise<(VolumeHost & { up: boolean })[]> {
      ctx.authorize(rules.INDEX, {})
      return (await db.read(tx => hosts.list(tx))).map(host => ({ ...host, up: isUp(host) }))
    },

    /** Switches a host on or off for new volumes. Fault notFound. */
    async setEnabled(ctx: Context, name: string, enabled: boolean, reason: string | null): Promise<void> {
      ctx.authorize(rules.UPDATE, {})
      if (!await db.write(tx => hosts.setEnabled(tx, name, enabled, reason))) throw new Fault('notFound', 'cinder.host.notFound', `Service cinder-volume could not be found on host ${name}.`)
    },

    async pools(ctx: Context): Promise<VolumeHost[]> {
      ctx.authorize(rules.GET_POOLS, {})
      return db.read(tx => hosts.list(tx))
    },

    /** Zones and whether something works in them; for everybody who may list volumes. */
    async zones(ctx: Context): Promise<{ name: string, available: boolean }[]> {
      ctx.authorize(volumeRules.GET_ALL, { project_id: projectOf(ctx) })
      return [{ name: options.storageAvailabilityZone, available: (await db.read(tx => hosts.list(tx))).some(host => host.enabled && isUp(host)) }]
    },
  }
}
