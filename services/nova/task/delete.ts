// Deleting a server. It only rolls forward: guest, ports, volumes, claim, in that order, so that nothing is given away while a guest may still use it.
import { task, type TaskShape, type Waiting } from '@alto/kit/task'
import type { Deps } from '../manager/deps.ts'
import { SERVER_DELETE } from '../manager/kinds.ts'
import { unplug } from '../manager/plugging.ts'
import { POWER } from '../model/servers.ts'
import * as actions from '../store/actions.ts'
import * as interfaces from '../store/interfaces.ts'
import * as quotas from '../store/quotas.ts'
import * as servers from '../store/servers.ts'
import type { Tables } from '../store/tables.ts'
import * as volumes from '../store/volumes.ts'
import { fail } from './endings.ts'
import { buried } from './guest.ts'
import { isHostGivenUp, releaseVolume } from './steps.ts'

interface Delete extends TaskShape {
  tables: Tables
  input: { actionId: string }
  got: { guest: void, ports: void, volumes: void, claim: void }
}

/** The task that deletes a server. */
export function serverDelete(deps: Deps) {
  const { db, clock, placement } = deps
  return task<Delete>({
    kind: SERVER_DELETE,
    deadlineMs: 600_000,
    forwardOnly: true,
    handsOver: true,
    steps: [
      { name: 'guest', do: (t): Promise<void | Waiting> => buried(deps, t, host => isHostGivenUp(deps, host)) },
      {
        name: 'ports',
        async do(t) {
          const rows = await db.read(tx => interfaces.ofServers(tx, [t.resourceId]))
          await unplug(deps, t.resourceId, { keep: rows.filter(row => !row.madeHere).map(row => row.portId) })
        },
      },
      {
        name: 'volumes',
        async do(t) {
          for (const row of await db.read(tx => volumes.ofServers(tx, [t.resourceId]))) await releaseVolume(deps, row, { remove: row.deleteOnTermination })
        },
      },
      { name: 'claim', do: t => placement.release(t.resourceId) },
    ],
    async onDone(tx, ended) {
      const now = clock.now()
      const server = await servers.find(tx, ended.resourceId)
      if (!server) return
      await interfaces.removeAll(tx, server.id)
      await volumes.removeAll(tx, server.id)
      await servers.set(tx, server.id, { vmState: 'deleted', taskState: null, powerState: POWER.pending, updatedAt: now, terminatedAt: now, deletedAt: now })
      await actions.finish(tx, ended.input.actionId, now, { host: server.host })
      for (const [resource, amount] of [['instances', 1], ['cores', server.flavor.vcpus], ['ram', server.flavor.ramMib]] as const) await quotas.take(tx, server.projectId, resource, -amount, -1)
    },
    onFailed: (tx, failed) => fail(deps, tx, failed),
  })
}
