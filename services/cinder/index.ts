// Cinder, put together.
import { volumeAgent, type VolumeControl } from '@alto/contracts/volume-agent'
import type { Clock } from '@alto/kit/clock'
import type { Values } from '@alto/kit/config'
import { isUniqueViolation, type Database } from '@alto/kit/db'
import type { AnyRoute, Authenticate, HttpService } from '@alto/kit/http'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import type { ComputeClient, ImageClient } from '@alto/kit/openstack'
import { forProjects, type Enforcer, type Rule } from '@alto/kit/policy'
import { client, type Serving, type Transport } from '@alto/kit/rpc'
import { shareBells, TaskQueue, TaskRunner, type TaskRunnerOptions } from '@alto/kit/task'
import { attachmentRoutes } from './api/attachments.ts'
import { dialect } from './api/dialect.ts'
import { discoveryRoutes, microversions } from './api/discovery.ts'
import { quotaRoutes } from './api/quotas.ts'
import { serviceRoutes } from './api/services.ts'
import { snapshotRoutes } from './api/snapshots.ts'
import { typeRoutes } from './api/volume-types.ts'
import { volumeActionRoutes } from './api/volume-actions.ts'
import { volumeRoutes } from './api/volumes.ts'
import { attachmentManager } from './manager/attachments.ts'
import { volumeController } from './manager/control.ts'
import type { Deps } from './manager/deps.ts'
import { quotaManager } from './manager/quotas.ts'
import { serviceManager } from './manager/services.ts'
import { snapshotManager } from './manager/snapshots.ts'
import { typeManager } from './manager/volume-types.ts'
import { volumeActionManager } from './manager/volume-actions.ts'
import { volumeManager } from './manager/volumes.ts'
import { portRange } from './model/export-ports.ts'
import { cinderOptions } from './options.ts'
import * as attachmentRules from './policy/attachments.ts'
import * as baseRules from './policy/base.ts'
import * as specRules from './policy/extra-specs.ts'
import * as quotaClassRules from './policy/quota-classes.ts'
import * as quotaRules from './policy/quotas.ts'
import * as serviceRules from './policy/services.ts'
import * as snapshotRules from './policy/snapshots.ts'
import * as accessRules from './policy/type-access.ts'
import * as typeRules from './policy/volume-types.ts'
import * as actionRules from './policy/volume-actions.ts'
import * as metadataRules from './policy/volume-metadata.ts'
import * as volumeRules from './policy/volumes.ts'
import * as disks from './store/disks.ts'
import { findBroken, type Finding } from './store/invariants.ts'
import { migrations, type Tables } from './store/tables.ts'
import * as types from './store/volume-types.ts'
import { snapshotCreate, snapshotDelete } from './task/snapshots.ts'
import { volumeCreate, volumeDelete, volumeExtend, volumeUpload } from './task/volumes.ts'

export { volumeAgentOn, type RunningVolumeAgent, type VolumeAgentOptions } from './agent/agent.ts'
export type { DiskStore, ImageBytes } from './driver/disks.ts'
export { fakeDisks } from './driver/fake.ts'
export { fileDisks, type FileDiskOptions } from './driver/file.ts'
export { microversions, cinderOptions, migrations, type Finding, type Tables }

/** Every rule that Cinder asks. */
export const policy: readonly Rule[] = forProjects([
  baseRules, volumeRules, metadataRules, actionRules, attachmentRules, snapshotRules, typeRules, accessRules, specRules, quotaRules, quotaClassRules, serviceRules,
].flatMap(room => Object.values(room)))

/** What Cinder declares of itself. */
export const declared = { routes: routesOf({ options: {} } as never), rules: policy, options: cinderOptions }

/** What Cinder is made of. */
export interface CinderParts {
  db: Database<Tables>
  clock: Clock
  ids: Ids
  log: Log
  options: Values<typeof cinderOptions>
  enforcer(): Enforcer
  authenticate: Authenticate
  image: ImageClient
  compute: ComputeClient
  /** To the volume agents, which are targets by their host's name. */
  transport: Transport
  /** This process among those that run Cinder's tasks; unique among the living. */
  host: string
  /** For tests of crashes. */
  at?: TaskRunnerOptions<Tables>['at']
}

/** A running Cinder. */
export interface Cinder {
  /** To be carried under `/volume`. */
  http: HttpService[]
  /** What to serve to the volume agents. */
  control: VolumeControl
  /** Makes the default volume type when there is none, and takes up the tasks. */
  start(): Promise<void>
  /** Hands the tasks back. */
  stop(): Promise<void>
  /** Resolves when no task can do anything at present. For tests. */
  idle(): Promise<void>
  /** Broken invariants among its rows; empty when all is well. */
  audit(): Promise<Finding[]>
}

/** Puts Cinder together. */
export function cinderService(parts: CinderParts): Cinder {
  const { db, clock, ids, log, options } = parts
  const queue = new TaskQueue({ clock, ids })
  const deps: Deps = {
    ...parts, queue, exportPorts: portRange(options.nbdPorts), look: (host, disk) => client(volumeAgent, parts.transport, host).look(disk),
    silentSince: () => parts.transport.heardAgo(options.serviceDownTime * 1000),
  }
  const definitions = [volumeCreate(deps), volumeDelete(deps), volumeExtend(deps), volumeUpload(deps), snapshotCreate(deps), snapshotDelete(deps)]
  const runner = new TaskRunner<Tables>({ db, clock, ids, queue, log, host: parts.host, definitions, ...(parts.at && { at: parts.at }) })
  let bells: Serving | undefined
  return {
    http: [{
      name: 'cinder', prefix: '/volume', catalogTypes: ['block-storage', 'volumev3'], routes: routesOf(deps), dialect, enforcer: parts.enforcer, authenticate: parts.authenticate, microversions, projectPathBelow: '/v3', requestIdHeaders: ['x-compute-request-id'],
    }],
    control: volumeController(deps),
    async start() {
      await db.write(tx => disks.startEpoch(tx))
      await ensureType(parts, options.defaultVolumeType)
      bells = shareBells({ queue, transport: parts.transport, service: 'cinder', ids })
      await runner.start()
    },
    async stop() {
      try {
        await runner.stop()
      } finally {
        await bells?.close()
      }
    },
    idle: () => runner.idle(),
    audit: () => db.read(findBroken),
  }
}

async function ensureType({ db, clock, ids }: CinderParts, name: string): Promise<void> {
  try {
    await db.write(async tx => {
      if (!await types.find(tx, name)) await types.insert(tx, { id: ids.uuid(), name, description: 'Default Volume Type', isPublic: true, extraSpecs: {}, createdAt: clock.now() })
    })
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
  }
}

function routesOf(deps: Deps): AnyRoute[] {
  const volumes = volumeManager(deps)
  const max = deps.options.osapiMaxLimit
  return [
    ...discoveryRoutes, ...volumeRoutes(volumes, max), ...volumeActionRoutes(volumeActionManager(deps), volumes), ...attachmentRoutes(attachmentManager(deps)), ...snapshotRoutes(snapshotManager(deps), max),
    ...typeRoutes(typeManager(deps)), ...quotaRoutes(quotaManager(deps)), ...serviceRoutes(serviceManager(deps), deps.options.storageAvailabilityZone),
  ]
}
