// What must always hold among Neutron's rows: each query names the rows that break it; what SQL cannot say follows below.
import { brokenInvariants, sql, type BrokenInvariant, type Invariant } from '@alto/kit/db'
import { overlaps, parseAddress, parsePrefix, holds } from '../model/addresses.ts'
import { COUNTED, type Counted } from '../model/quotas.ts'
import type { Tx } from './tables.ts'

/** A broken rule: which, and where. */
export type Broken = BrokenInvariant

const TABLES: Readonly<Record<Counted, string>> = {
  network: 'networks', subnet: 'subnets', port: 'ports', router: 'routers', floatingip: 'floatingips', security_group: 'security_groups', security_group_rule: 'security_group_rules',
}

const INVARIANTS: readonly Invariant[] = [
  {
    invariant: 'the network of a bound port concerns its host',
    query: `select id as at from ports p where binding_host <> '' and vif_type <> 'binding_failed' and not exists (select 1 from host_rows h where h.host = p.binding_host and h.kind = 'network' and h.resource_id = p.network_id and h.gone = 0)`,
  },
  {
    invariant: 'a host is told of every port of the networks that concern it',
    query: `select p.id as at from ports p join host_rows n on n.kind = 'network' and n.resource_id = p.network_id and n.gone = 0
      where not exists (select 1 from host_rows h where h.host = n.host and h.kind = 'port' and h.resource_id = p.id and h.gone = 0)`,
  },
  { invariant: 'a port that a host is to have is there', query: `select resource_id as at from host_rows where kind = 'port' and gone = 0 and resource_id not in (select id from ports)` },
  { invariant: 'a router that a host is to have is there', query: `select resource_id as at from host_rows where kind = 'router' and gone = 0 and resource_id not in (select id from routers)` },
  { invariant: 'a router\'s port is of a router', query: `select id as at from ports where device_owner in ('network:router_interface', 'network:router_gateway') and device_id not in (select id from routers)` },
  { invariant: 'a gateway port is its router\'s gateway', query: `select id as at from ports p where device_owner = 'network:router_gateway' and not exists (select 1 from routers r where r.id = p.device_id and r.gateway_port_id = p.id)` },
  { invariant: 'a floating IP\'s port is of a floating IP', query: `select id as at from ports where device_owner = 'network:floatingip' and id not in (select floating_port_id from floatingips)` },
  {
    invariant: 'a floating IP stands for an address that its port has',
    query: `select id as at from floatingips f where fixed_port_id is not null and not exists (select 1 from ip_allocations a where a.port_id = f.fixed_port_id and a.address = f.fixed_ip_address)`,
  },
  { invariant: 'a floating IP is associated wholly or not at all', query: `select id as at from floatingips where (fixed_port_id is null) <> (router_id is null) or (fixed_port_id is null) <> (fixed_ip_address is null)` },
]

/** Every broken rule. Reads whole tables: for the audit. */
export async function findBroken(tx: Tx): Promise<Broken[]> {
  return [...await brokenInvariants(tx, INVARIANTS), ...await wrongCounts(tx), ...await overlappingSubnets(tx), ...await strayAddresses(tx)]
}

async function wrongCounts(tx: Tx): Promise<Broken[]> {
  const broken: Broken[] = []
  for (const resource of COUNTED) {
    const { rows } = await sql<{ project_id: string, n: number, used: number }>`
      select c.project_id, c.n, coalesce(u.used, 0) as used from (select project_id, count(*) as n from ${sql.table(TABLES[resource])} where project_id <> '' group by project_id) c
      left join quota_usages u on u.project_id = c.project_id and u.resource = ${resource} where coalesce(u.used, 0) <> c.n
      union all select u.project_id, 0, u.used from quota_usages u where u.resource = ${resource} and u.used <> 0 and u.project_id not in (select project_id from ${sql.table(TABLES[resource])})`.execute(tx)
    broken.push(...rows.map(row => ({ invariant: `a project's count of ${resource} is the number of its rows`, where: `${row.project_id}: ${row.used} counted, ${row.n} there` })))
  }
  return broken
}

async function overlappingSubnets(tx: Tx): Promise<Broken[]> {
  const byNetwork = Map.groupBy(await tx.selectFrom('subnets').select(['id', 'network_id', 'cidr']).orderBy('id').execute(), row => row.network_id)
  return [...byNetwork.values()].flatMap(rows => rows.flatMap((row, i) => rows.slice(i + 1).filter(other => overlaps(parsePrefix(row.cidr), parsePrefix(other.cidr)))
    .map(other => ({ invariant: 'subnets of a network do not overlap', where: `${row.id} ${other.id}` }))))
}

async function strayAddresses(tx: Tx): Promise<Broken[]> {
  const rows = await tx.selectFrom('ip_allocations as a').innerJoin('subnets as s', 's.id', 'a.subnet_id').select(['a.port_id', 'a.address', 's.cidr']).execute()
  return rows.filter(row => !holds(parsePrefix(row.cidr), parseAddress(row.address))).map(row => ({ invariant: 'an address of a port is of its subnet', where: `${row.port_id} ${row.address}` }))
}
