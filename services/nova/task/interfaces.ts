// Interfaces of a server that exists: attached and detached.
import { Fault } from '@alto/kit/errors'
import { giveUp, task, type TaskShape, type Waiting } from '@alto/kit/task'
import type { Deps } from '../manager/deps.ts'
import { INTERFACE_ATTACH, INTERFACE_DETACH } from '../manager/kinds.ts'
import { plug, readInterfaces, unplug } from '../manager/plugging.ts'
import type { WantedInterface } from '../model/interfaces.ts'
import * as interfaces from '../store/interfaces.ts'
import type { Tables } from '../store/tables.ts'
import { failAction, succeed } from './endings.ts'
import { serverOf, settled, wanting } from './guest.ts'

interface Attach extends TaskShape {
  tables: Tables
  input: { actionId: string, wanted: WantedInterface, securityGroupIds: readonly string[] }
  got: { port: { id: string }, plugged: void }
}

interface Detach extends TaskShape {
  tables: Tables
  input: { actionId: string, portId: string }
  got: { unplugged: void, port: void }
}

/** The task that gives a server one more interface. */
export function interfaceAttach(deps: Deps) {
  return task<Attach>({
    kind: INTERFACE_ATTACH,
    deadlineMs: 120_000,
    steps: [
      {
        name: 'port',
        async do(t) {
          const server = await serverOf(deps, t.resourceId)
          const { wanted, securityGroupIds } = t.input
          const port = await plug(deps, server, wanted, { host: server.host ?? '', key: t.key('port'), securityGroupIds })
          if (port['binding:vif_type'] === 'binding_failed') throw giveUp(new Fault('conflict', 'nova.port.bindingFailed', `Binding failed for port ${port.id}.`))
          return { id: port.id }
        },
        async undo(t) {
          const known = await deps.db.read(tx => interfaces.ofServers(tx, [t.resourceId]))
          const named = t.got.port?.id ?? t.input.wanted.portId
          // A port that was made but never recorded is the one that no row knows.
          const ports = (await deps.network.ports('service', { deviceId: t.resourceId })).filter(port => named === undefined ? !known.some(one => one.portId === port.id) : port.id === named)
          await unplug(deps, t.resourceId, { keep: t.input.wanted.portId === undefined ? [] : [t.input.wanted.portId], only: ports.map(port => port.id) })
          await t.write(async tx => { for (const port of ports) await interfaces.remove(tx, t.resourceId, port.id) })
        },
      },
      {
        name: 'plugged',
        async do(t): Promise<void | Waiting> {
          const { id } = t.got.port
          // Its row comes only now: a port that no row knows is one whose making was never recorded, which is how the undo finds it.
          const known = await deps.db.read(tx => interfaces.ofServers(tx, [t.resourceId]))
          const found = await readInterfaces(deps, t.resourceId, known, () => ({ madeHere: t.input.wanted.portId === undefined, tag: t.input.wanted.tag ?? null }))
          await t.write(async tx => { for (const one of found) if (one.portId === id) await interfaces.put(tx, one) })
          await wanting(deps, t, ({ portIds }) => portIds.includes(id) ? undefined : { portIds: [...portIds, id] })
          const observed = await settled(deps, t, 'plugged the interface in')
          return 'reason' in observed ? observed : undefined
        },
        async undo(t): Promise<void | Waiting> {
          const id = t.got.port?.id
          await wanting(deps, t, ({ portIds }) => id !== undefined && portIds.includes(id) ? { portIds: portIds.filter(one => one !== id) } : undefined)
          const observed = await settled(deps, t, 'let go of the interface', seen => id === undefined || !seen.ports.includes(id))
          return 'reason' in observed ? observed : undefined
        },
      },
    ],
    onDone: (tx, ended) => succeed(deps, tx, ended, {}),
    onFailed: (tx, failed) => failAction(deps, tx, failed),
  })
}

/** The task that takes an interface from a server. */
export function interfaceDetach(deps: Deps) {
  return task<Detach>({
    kind: INTERFACE_DETACH,
    deadlineMs: 120_000,
    steps: [
      {
        name: 'unplugged',
        async do(t): Promise<void | Waiting> {
          await wanting(deps, t, ({ portIds }) => portIds.includes(t.input.portId) ? { portIds: portIds.filter(id => id !== t.input.portId) } : undefined)
          const observed = await settled(deps, t, 'let go of the interface', seen => !seen.ports.includes(t.input.portId))
          return 'reason' in observed ? observed : undefined
        },
        undo: t => wanting(deps, t, ({ portIds }) => portIds.includes(t.input.portId) ? undefined : { portIds: [...portIds, t.input.portId] }),
      },
      {
        name: 'port', pointOfNoReturn: true, undo: 'nothing',
        async do(t) {
          const row = (await deps.db.read(tx => interfaces.ofServers(tx, [t.resourceId]))).find(one => one.portId === t.input.portId)
          await unplug(deps, t.resourceId, { keep: row?.madeHere ? [] : [t.input.portId], only: [t.input.portId] })
          await t.write(tx => interfaces.remove(tx, t.resourceId, t.input.portId))
        },
      },
    ],
    onDone: (tx, ended) => succeed(deps, tx, ended, {}),
    onFailed: (tx, failed) => failAction(deps, tx, failed),
  })
}
