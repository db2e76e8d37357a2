// Floating IPs: what may be made, associated and removed, and by whom.
import type { Context } from '@alto/kit/context'
import type { Parsed } from '../model/attributes.ts'
import { badRequest, notFound } from '../model/faults.ts'
import type { FloatingIp, FLOATING_IP_ATTRIBUTES } from '../model/floating-ips.ts'
import { FLOATING_IP } from '../model/ports.ts'
import { newStandard } from '../model/standard.ts'
import * as rules from '../policy/floating-ips.ts'
import * as floatingIps from '../store/floating-ips.ts'
import * as networks from '../store/networks.ts'
import * as subnets from '../store/subnets.ts'
import type { Tx } from '../store/tables.ts'
import { authorizeAttributes, once, projectOf, repeatKey, useQuota, type Listing, type Page, type Target } from './access.ts'
import { asAddressInUse } from './addressing.ts'
import type { Deps } from './deps.ts'
import { alreadyAssociated, associate, associationChanged, dropFloatingIp, setAssociation, UNASSOCIATED } from './floating-ip-rows.ts'
import { listVisible, type ListPlan } from './lists.ts'
import { visibleNetwork } from './networks.ts'
import { makePort } from './port-rows.ts'
import { visiblePort } from './ports.ts'

type Said = Parsed<typeof FLOATING_IP_ATTRIBUTES>

const PLAN: ListPlan<'floatingips'> = {
  table: 'floatingips', noun: 'floatingip', rule: rules.GET_FLOATINGIP, columns: floatingIps.FILTERS, mine: floatingIps.seenBy,
}

export type FloatingIpManager = ReturnType<typeof floatingIpManager>

/** The use cases of floating IPs. */
export function floatingIpManager(deps: Deps) {
  const { db, clock, ids } = deps

  async function visibleFloatingIp(ctx: Context, tx: Tx, id: string): Promise<FloatingIp> {
    const floatingIp = await floatingIps.find(tx, id)
    if (!floatingIp || !ctx.allowed(rules.GET_FLOATINGIP, targetOf(floatingIp))) throw notFound('floatingip', id)
    return floatingIp
  }

  async function make(ctx: Context, tx: Tx, { values, given }: Said): Promise<FloatingIp> {
    const projectId = projectOf(ctx, values)
    ctx.authorize(rules.CREATE_FLOATINGIP, { project_id: projectId, tenant_id: projectId })
    authorizeAttributes(ctx, given, { floating_ip_address: rules.CREATE_FLOATINGIP_FLOATING_IP_ADDRESS, tags: rules.CREATE_FLOATINGIP_TAGS }, { project_id: projectId, tenant_id: projectId })
    const network = await visibleNetwork(ctx, tx, values.floating_network_id!, networks.lock)
    if (!network.external) throw badRequest('floatingip', `Network ${network.id} is not a valid external network`)
    const outside = (await subnets.listOn(tx, [network.id])).filter(subnet => subnet.ipVersion === 4)
    if (outside.length === 0) throw badRequest('floatingip', `Network ${network.id} does not contain any IPv4 subnet`)
    const address = values.floating_ip_address ?? undefined
    const subnetId = values.subnet_id ?? undefined
    const id = ids.uuid()
    const port = await makePort(tx, deps, network, outside, {
      projectId: '', deviceOwner: FLOATING_IP, deviceId: id,
      wantedIps: address === undefined && subnetId === undefined ? undefined : [{ subnet_id: subnetId, ip_address: address }],
    })
    const portId = values.port_id ?? undefined
    if (portId === undefined && typeof values.fixed_ip_address === 'string') throw badRequest('floatingip', 'fixed_ip_address cannot be specified without a port_id')
    const inner = portId === undefined ? undefined : await visiblePort(ctx, tx, portId)
    const floatingIp: FloatingIp = {
      ...newStandard({ id, projectId, description: values.description, tags: values.tags }, clock.now()), floatingNetworkId: network.id, floatingIpAddress: port.fixedIps[0]!.address,
      floatingPortId: port.id, ...inner ? await associate(tx, network.id, inner, values.fixed_ip_address ?? undefined) : UNASSOCIATED,
    }
    try {
      await floatingIps.insert(tx, floatingIp)
    } catch (error) {
      throw alreadyAssociated(error, floatingIp)
    }
    await associationChanged(tx, deps, UNASSOCIATED, floatingIp)
    return floatingIp
  }

  return {
    list: (ctx: Context, request: Listing): Promise<Page<FloatingIp>> => db.read(async tx => {
      const { rows, more } = await listVisible(ctx, tx, PLAN, request)
      return { items: rows.map(floatingIps.fromRow), more }
    }),

    show: (ctx: Context, id: string): Promise<FloatingIp> => db.read(async tx => {
      const floatingIp = await visibleFloatingIp(ctx, tx, id)
      ctx.authorize(rules.GET_FLOATINGIP, targetOf(floatingIp))
      return floatingIp
    }),

    async create(ctx: Context, said: readonly Said[]): Promise<FloatingIp[]> {
      try {
        return await db.write(async tx => {
          const made: FloatingIp[] = []
          for (const [i, one] of said.entries()) {
            made.push(await once(tx, repeatKey(ctx, i), 'floatingip', async id => {
              ctx.authorize(rules.CREATE_FLOATINGIP, { project_id: projectOf(ctx, one.values) })
              return floatingIps.find(tx, id)
            }, async () => {
              const floatingIp = await make(ctx, tx, one)
              await useQuota(tx, deps, floatingIp.projectId, 'floatingip', 1)
              return floatingIp
            }))
          }
          return made
        })
      } catch (error) {
        throw asAddressInUse(error, said[0]?.values.floating_network_id ?? '')
      }
    },

    /** A null port_id takes the association away; a request that names neither port nor address leaves it. */
    update: (ctx: Context, id: string, { values, given }: Said): Promise<FloatingIp> => db.write(async tx => {
      const seen = await visibleFloatingIp(ctx, tx, id)
      ctx.authorize(rules.UPDATE_FLOATINGIP, targetOf(seen))
      await networks.lock(tx, seen.floatingNetworkId)              // as whoever makes one there does: neither waits for the other twice
      const floatingIp = await visibleFloatingIp(ctx, tx, id)
      const next = { description: values.description ?? floatingIp.description }
      const portId = given.has('port_id') ? values.port_id ?? null : floatingIp.fixedPortId
      const address = values.fixed_ip_address ?? undefined
      if (portId === null && address !== undefined) throw badRequest('floatingip', 'fixed_ip_address cannot be specified without a port_id')
      if (!given.has('port_id') && !given.has('fixed_ip_address')) return setAssociation(tx, deps, floatingIp, next)
      if (portId === null) return setAssociation(tx, deps, floatingIp, { ...next, ...UNASSOCIATED })
      const port = await visiblePort(ctx, tx, portId)
      return setAssociation(tx, deps, floatingIp, { ...next, ...await associate(tx, floatingIp.floatingNetworkId, port, address) })
    }),

    remove: (ctx: Context, id: string): Promise<void> => db.write(async tx => {
      const floatingIp = await visibleFloatingIp(ctx, tx, id)
      ctx.authorize(rules.DELETE_FLOATINGIP, targetOf(floatingIp))
      await dropFloatingIp(tx, deps, floatingIp)
    }),
  }
}

function targetOf(floatingIp: Pick<FloatingIp, 'projectId'>): Target {
  return { project_id: floatingIp.projectId, tenant_id: floatingIp.projectId }
}
