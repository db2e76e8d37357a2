// Interfaces of a server that exists, and its security groups.
import type { Context } from '@alto/kit/context'
import { originOf } from '@alto/kit/task'
import { conflict, invalid, notFound } from '../model/faults.ts'
import type { Interface, WantedInterface } from '../model/interfaces.ts'
import * as rules from '../policy/interfaces.ts'
import * as groupRules from '../policy/security-groups.ts'
import * as interfaces from '../store/interfaces.ts'
import * as servers from '../store/servers.ts'
import { authorized, beginOperation, noteAction, refuseLocked } from './access.ts'
import { asCaller, type Deps } from './deps.ts'
import { INTERFACE_ATTACH, INTERFACE_DETACH } from './kinds.ts'
import { checkNetworks, securityGroupsOf } from './networks.ts'
import { outcomeOf } from './outcome.ts'

/** A security group as a server's list of them shows it. */
export interface GroupView { readonly id: string, readonly name: string, readonly description: string, readonly projectId: string }

/** The use cases of interfaces. */
export function interfaceManager(deps: Deps) {
  const { db, clock, queue, network } = deps

  async function one(ctx: Context, serverId: string, portId: string): Promise<Interface> {
    const found = (await db.read(async tx => {
      await authorized(ctx, tx, rules.SHOW, serverId)
      return interfaces.ofServers(tx, [serverId])
    })).find(port => port.portId === portId)
    if (!found) throw notFound('interface', `Port id ${portId} could not be found.`)
    return found
  }

  return {
    async list(ctx: Context, serverId: string): Promise<Interface[]> {
      return db.read(async tx => interfaces.ofServers(tx, [(await authorized(ctx, tx, rules.LIST, serverId)).id]))
    },

    show: one,

    /** Gives the server one more interface and answers when the guest has it. */
    async create(ctx: Context, serverId: string, wanted: WantedInterface): Promise<Interface> {
      const server = await db.read(tx => authorized(ctx, tx, rules.CREATE, serverId))
      refuseLocked(ctx, server)
      const [asked] = await checkNetworks(deps, ctx, wanted.networkId === undefined && wanted.portId === undefined ? undefined : [wanted], 1)
      if (!asked) throw invalid('network.none', 'No more available networks.')
      const known = await db.read(tx => interfaces.ofServers(tx, [serverId]))
      const { taskId } = await db.write(async tx => {
        const found = await authorized(ctx, tx, rules.CREATE, serverId)
        await beginOperation(ctx, tx, found, 'attach_interface', clock.now())
        const actionId = await noteAction(deps, ctx, tx, found, 'attach_interface')
        return { taskId: await queue.enqueue(tx, INTERFACE_ATTACH, { resourceId: serverId, input: { actionId, wanted: asked, securityGroupIds: [] }, origin: originOf(ctx) }) }
      })
      await outcomeOf(deps, serverId, taskId)
      const now = await db.read(tx => interfaces.ofServers(tx, [serverId]))
      return now.find(port => asked.portId === undefined ? !known.some(other => other.portId === port.portId) : port.portId === asked.portId) ?? now.at(-1)!
    },

    /** Begins to take the interface away. */
    async remove(ctx: Context, serverId: string, portId: string): Promise<void> {
      await db.write(async tx => {
        const server = await authorized(ctx, tx, rules.DELETE, serverId)
        if (!(await interfaces.ofServers(tx, [serverId])).some(port => port.portId === portId)) throw notFound('port', `Port id ${portId} could not be found.`)
        await beginOperation(ctx, tx, server, 'detach_interface', clock.now())
        const actionId = await noteAction(deps, ctx, tx, server, 'detach_interface')
        await queue.enqueue(tx, INTERFACE_DETACH, { resourceId: serverId, input: { actionId, portId }, origin: originOf(ctx) })
      })
    },

    /** The security groups of the server's ports, as Neutron has them. */
    async securityGroups(ctx: Context, serverId: string): Promise<GroupView[]> {
      const server = await db.read(tx => authorized(ctx, tx, groupRules.LIST, serverId))
      const ports = await network.ports('service', { deviceId: server.id })
      const ids = [...new Set(ports.flatMap(port => port.security_groups))]
      const groups = ids.length === 0 ? [] : await network.securityGroups('service', undefined, ids)
      return groups.map(group => ({ id: group.id, name: group.name, description: group.description ?? '', projectId: group.project_id }))
    },

    /** Adds the group (by name or id) to every port of the server, or removes it from them. */
    async changeSecurityGroup(ctx: Context, serverId: string, name: string, how: 'add' | 'remove'): Promise<void> {
      const server = await db.write(async tx => {
        const found = await authorized(ctx, tx, how === 'add' ? groupRules.ADD : groupRules.REMOVE, serverId)
        await beginOperation(ctx, tx, found, how === 'add' ? 'add_security_group' : 'remove_security_group', clock.now())
        return found
      })
      const id = name === 'default'
        ? (await network.securityGroups(asCaller(ctx), server.projectId)).find(group => group.name === 'default')?.id
        : (await securityGroupsOf(deps, ctx, [name]).catch((error: unknown) => { throw notFound('securityGroup', error instanceof Error ? error.message : String(error)) }))[0]
      if (id === undefined) throw notFound('securityGroup', `Security group ${name} not found for project ${server.projectId}.`)
      const ports = await network.ports('service', { deviceId: serverId })
      const having = ports.filter(port => port.security_groups.includes(id))
      if (how === 'remove' && having.length === 0) throw conflict('securityGroup.notThere', `Security group ${name} not associated with the instance ${serverId}`)
      for (const port of how === 'add' ? ports.filter(one => !having.includes(one) && one.port_security_enabled !== false) : having) {
        await network.updatePort('service', port.id, { security_groups: how === 'add' ? [...port.security_groups, id] : port.security_groups.filter(other => other !== id) })
      }
      await db.write(async tx => {
        const names = server.securityGroups.filter(other => other !== name)
        await servers.set(tx, serverId, { securityGroups: how === 'add' ? [...names, name] : names, updatedAt: clock.now() })
      })
    },
  }
}

export type InterfaceManager = ReturnType<typeof interfaceManager>
