// Every route of Nova's API.
import type { AnyRoute } from '@alto/kit/http'
import { aggregateManager } from '../manager/aggregates.ts'
import { consoleManager } from '../manager/consoles.ts'
import { createManager } from '../manager/create.ts'
import { assistedSnapshotManager } from '../manager/assisted-snapshots.ts'
import type { Deps } from '../manager/deps.ts'
import { eventManager } from '../manager/events.ts'
import { flavorManager } from '../manager/flavors.ts'
import { historyManager } from '../manager/history.ts'
import { hostManager } from '../manager/hosts.ts'
import { interfaceManager } from '../manager/interfaces.ts'
import { keypairManager } from '../manager/keypairs.ts'
import { powerManager } from '../manager/power.ts'
import { quotaManager } from '../manager/quotas.ts'
import { groupManager } from '../manager/server-groups.ts'
import { serverManager } from '../manager/servers.ts'
import { snapshotManager } from '../manager/snapshots.ts'
import { volumeManager } from '../manager/volumes.ts'
import { aggregateRoutes } from './aggregates.ts'
import { assistedSnapshotRoutes } from './assisted-snapshots.ts'
import { historyRoutes, interfaceRoutes, volumeRoutes } from './attachments.ts'
import { consoleRoutes } from './consoles.ts'
import { eventRoutes } from './events.ts'
import { flavorRoutes } from './flavors.ts'
import { hypervisorRoutes, serviceRoutes, zoneRoutes } from './hosts.ts'
import { keypairRoutes } from './keypairs.ts'
import { quotaRoutes } from './quotas.ts'
import { serverActionRoutes } from './server-actions.ts'
import { groupRoutes } from './server-groups.ts'
import { serverMetadataRoutes } from './server-metadata.ts'
import { serverRoutes } from './servers.ts'
import { versionRoutes } from './versions.ts'

/** The routes, with the managers that answer them. */
export function computeRoutes(deps: Deps): AnyRoute[] {
  const managers = {
    servers: serverManager(deps), create: createManager(deps), power: powerManager(deps), snapshots: snapshotManager(deps), interfaces: interfaceManager(deps), volumes: volumeManager(deps), history: historyManager(deps), consoles: consoleManager(deps),
  }
  const hosts = hostManager(deps)
  return [
    ...versionRoutes, ...serverRoutes(managers), ...serverActionRoutes(managers), ...serverMetadataRoutes(managers.servers), ...interfaceRoutes(managers), ...volumeRoutes(managers), ...historyRoutes(managers),
    ...flavorRoutes(flavorManager(deps)), ...keypairRoutes(keypairManager(deps)), ...quotaRoutes(quotaManager(deps)), ...hypervisorRoutes(hosts), ...serviceRoutes(hosts), ...zoneRoutes(hosts), ...aggregateRoutes(aggregateManager(deps)), ...groupRoutes(groupManager(deps)),
    ...consoleRoutes(managers.consoles), ...eventRoutes(eventManager(deps)), ...assistedSnapshotRoutes(assistedSnapshotManager(deps)),
  ]
}
