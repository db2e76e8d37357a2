// Nova's controller, put together.
import { computeAgent, type ComputeControl } from '@alto/contracts/compute-agent'
import type { Clock } from '@alto/kit/clock'
import type { Values } from '@alto/kit/config'
import type { Database } from '@alto/kit/db'
import type { AnyRoute, Authenticate, Fetch, HttpService } from '@alto/kit/http'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import { imageClient, networkClient, placementClient, restClient, volumeClient, type ServiceSession } from '@alto/kit/openstack'
import type { Enforcer } from '@alto/kit/policy'
import { client, refuseOldPeer, type Serving, type Transport } from '@alto/kit/rpc'
import { shareBells, TaskQueue, TaskRunner, type TaskRunnerOptions } from '@alto/kit/task'
import type { Images } from './agent/steps.ts'
import { dialect } from './api/dialect.ts'
import { metadataDialect, metadataRoutes } from './api/metadata.ts'
import { consoleDoorRoutes } from './api/consoles.ts'
import { computeRoutes } from './api/index.ts'
import { MICROVERSIONS } from './api/versions.ts'
import { consoleManager } from './manager/consoles.ts'
import { computeController } from './manager/control.ts'
import type { Deps } from './manager/deps.ts'
import { metadataManager } from './manager/metadata.ts'
import { healAddresses } from './manager/plugging.ts'
import type { novaOptions } from './options.ts'
import { findBroken, type Finding } from './store/invariants.ts'
import type { Tables } from './store/tables.ts'
import * as wants from './store/wants.ts'
import { novaTasks } from './task/index.ts'
import { abandonOwn, watchMakers } from './task/makers.ts'

/** What Nova's controller is made of. */
export interface NovaParts {
  db: Database<Tables>
  clock: Clock
  ids: Ids
  log: Log
  options: Values<typeof novaOptions>
  enforcer(): Enforcer
  authenticate: Authenticate
  /** How the other services are reached, and as whom. */
  fetch: Fetch
  session: ServiceSession
  endpoints: { placement: string, network: string, image: string, volume: string }
  /** To the compute agents, which are targets by their host's name. */
  transport: Transport
  /** This controller's own name: unique among those that share the database. */
  host: string
  /** Shared with the network's metadata proxy. */
  metadataSecret: string
  /** Shared with the hosts: opens their data listeners. Without it consoles are reached on this host only. */
  dataSecret?: string | undefined
  /** For tests of crashes. */
  at?: TaskRunnerOptions<Tables>['at']
}

/** A Nova that can be started and stopped. */
export interface Nova {
  /** The API, to be carried under `/compute`; the metadata service under `/metadata-internal` and consoles under `/console`, which are in no catalog. */
  http: HttpService[]
  routes: readonly AnyRoute[]
  /** What to serve to the agents, as `nova`. */
  control: ComputeControl
  /** Where agents on any host have images from and bring them to. */
  images: Images
  runner: TaskRunner<Tables>
  deps: Deps
  start(): Promise<void>
  /** Hands running tasks back and stops working. */
  stop(): Promise<void>
  /** Broken invariants among its rows; empty when all is well. */
  audit(): Promise<Finding[]>
}

/** Puts Nova's controller together. */
export function novaService(parts: NovaParts): Nova {
  const { db, clock, ids, log, fetch, session, endpoints } = parts
  const rest = (name: keyof NovaParts['endpoints']) => restClient(name, endpoints[name], { fetch, session, clock })
  const queue = new TaskQueue({ clock, ids })
  const deps: Deps = {
    db, clock, ids, log, queue, host: parts.host, options: parts.options, dataSecret: parts.dataSecret, agent: host => client(computeAgent, parts.transport, host),
    refuseOldAgent: (host, since, what) => refuseOldPeer(parts.transport, { contract: computeAgent.name, target: host, since, what }),
    silentSince: () => parts.transport.heardAgo(parts.options.serviceDownTime * 1000),
    placement: placementClient(rest('placement')), network: networkClient(rest('network')), image: imageClient(rest('image')), volume: volumeClient(rest('volume')),
  }
  const runner = new TaskRunner<Tables>({ db, clock, ids, log, queue, host: parts.host, definitions: novaTasks(deps), ...(parts.at && { at: parts.at }) })
  const routes = computeRoutes(deps)
  const before = clock.now()
  const common = { enforcer: parts.enforcer, authenticate: parts.authenticate }
  let endHealing: (() => Promise<void>) | undefined
  let endWatching: (() => Promise<void>) | undefined
  let bells: Serving | undefined
  return {
    routes, deps, runner, control: computeController(deps),
    images: { open: ({ id }) => deps.image.download(id), upload: (id, content) => deps.image.upload(id, content.read()) },
    http: [
      { ...common, name: 'nova', prefix: '/compute', catalogTypes: ['compute'], routes, dialect, microversions: MICROVERSIONS, requestIdHeaders: ['x-compute-request-id'], projectPathBelow: '/v2.1' },
      { ...common, name: 'nova-metadata', prefix: '/metadata-internal', routes: metadataRoutes(metadataManager(deps, parts.metadataSecret)), dialect: metadataDialect },
      { ...common, name: 'nova-console', prefix: '/console', routes: consoleDoorRoutes(consoleManager(deps)), dialect, origins: [...parts.options.consoleAllowedOrigins, ...parts.options.consoleBaseUrl === null ? [] : [parts.options.consoleBaseUrl]] },
    ],
    async start() {
      await db.write(tx => wants.next(tx, 'database_epoch'))
      await abandonOwn(deps, before)
      bells = shareBells({ queue, transport: parts.transport, service: 'nova', ids })
      await runner.start()
      endHealing = healAddresses(deps)
      endWatching = watchMakers(deps)
    },
    async stop() {
      await endHealing?.()
      await endWatching?.()
      try {
        await runner.stop()
      } finally {
        await bells?.close()
      }
    },
    audit: () => db.read(findBroken),
  }
}
