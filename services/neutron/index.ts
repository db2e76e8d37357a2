// Neutron, put together: the controller, and the parts that a composition root wires on hosts.
import { networkAgent, type NetworkControl } from '@alto/contracts/network-agent'
import type { Clock } from '@alto/kit/clock'
import type { Values } from '@alto/kit/config'
import type { Database } from '@alto/kit/db'
import type { AnyRoute, Authenticate, HttpService } from '@alto/kit/http'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import type { ComputeClient } from '@alto/kit/openstack'
import { forProjects, type CheckKind, type Enforcer, type Rule } from '@alto/kit/policy'
import { client, type Transport } from '@alto/kit/rpc'
import { agentRoutes } from './api/agents.ts'
import { dialect } from './api/dialect.ts'
import { discoveryRoutes } from './api/discovery.ts'
import { floatingIpRoutes } from './api/floating-ips.ts'
import { networkRoutes } from './api/networks.ts'
import { portRoutes } from './api/ports.ts'
import { quotaRoutes } from './api/quotas.ts'
import { routerRoutes } from './api/routers.ts'
import { securityGroupRoutes, securityGroupRuleRoutes } from './api/security-groups.ts'
import { subnetRoutes } from './api/subnets.ts'
import { tagRoutes } from './api/tags.ts'
import { agentManager } from './manager/agents.ts'
import { networkControlOf } from './manager/control.ts'
import type { Deps } from './manager/deps.ts'
import { floatingIpManager } from './manager/floating-ips.ts'
import { networkManager } from './manager/networks.ts'
import { portManager } from './manager/ports.ts'
import { quotaManager } from './manager/quotas.ts'
import { routerInterfaceManager } from './manager/router-interfaces.ts'
import { routerManager } from './manager/routers.ts'
import { securityGroupManager, securityGroupRuleManager } from './manager/security-groups.ts'
import { serverEventSender } from './manager/server-events.ts'
import { subnetManager } from './manager/subnets.ts'
import { tagManager } from './manager/tags.ts'
import { fieldCheck } from './model/field-checks.ts'
import { neutronOptions } from './options.ts'
import * as agentRules from './policy/agents.ts'
import * as baseRules from './policy/base.ts'
import * as floatingIpRules from './policy/floating-ips.ts'
import * as networkRules from './policy/networks.ts'
import * as portRules from './policy/ports.ts'
import * as quotaRules from './policy/quotas.ts'
import * as routerRules from './policy/routers.ts'
import * as securityGroupRules from './policy/security-groups.ts'
import * as subnetRules from './policy/subnets.ts'
import * as hostRows from './store/host-rows.ts'
import { findBroken, type Broken } from './store/invariants.ts'
import { migrations, type Tables } from './store/tables.ts'

export { startFakeNetworkAgent, startLinuxNetworkAgent, type FakeNetworkHost, type NetworkHostOptions } from './agent/start.ts'
export { fakeNetwork, type FakeNetwork } from './driver/fake.ts'
export type { RunningNetworkAgent } from './agent/network-agent.ts'
export type { MetadataProxyOptions } from './agent/metadata.ts'
export { eraseLinuxNetwork } from './driver/linux/driver.ts'
export { migrations, neutronOptions, type Broken, type Tables }

const rules: readonly Rule[] = forProjects([
  baseRules, networkRules, subnetRules, portRules, routerRules, floatingIpRules, securityGroupRules, quotaRules, agentRules,
].flatMap(room => Object.values(room)))

/** Neutron's addition to the policy language, for whoever makes its enforcer. */
export const policyKinds: Readonly<Record<string, CheckKind>> = { field: fieldCheck }

/** What Neutron declares of itself. */
export const declared = { routes: routesOf(managersOf({ options: {} } as Deps)), rules, options: neutronOptions }

/** What Neutron is made of. */
export interface NeutronParts {
  db: Database<Tables>
  clock: Clock
  ids: Ids
  log: Log
  options: Values<typeof neutronOptions>
  /** Made with `policyKinds`. */
  enforcer(): Enforcer
  authenticate: Authenticate
  /** Reaches the agents. */
  rpc: Transport
  /** Nova, to be told of its servers' ports. */
  compute: Pick<ComputeClient, 'sendEvents'>
}

/** A running Neutron. */
export interface Neutron {
  /** To be carried under `/networking`. */
  http: HttpService[]
  /** To be served to the agents as `networkControl` at `neutron`. */
  control: NetworkControl
  /** Broken invariants among its rows; empty when all is well. */
  audit(): Promise<Broken[]>
  /** Resolves when Nova was told of everything that it can be told of now. */
  idle(): Promise<void>
  stop(): Promise<void>
}

/** Puts Neutron together on a migrated database. */
export async function neutronService(parts: NeutronParts): Promise<Neutron> {
  await parts.db.write(tx => hostRows.nextEpoch(tx))
  const sender = serverEventSender(parts, parts.compute)
  const deps: Deps = {
    ...parts, tellServers: () => sender.wake(), silentSince: () => parts.rpc.heardAgo(parts.options.agentDownTime * 1000),
    ring: hosts => { for (const host of new Set(hosts)) void client(networkAgent, parts.rpc, host).look({ kind: 'network', id: '', generation: 0 }) },     // agents look at all that changed
  }
  sender.wake()
  const routes = routesOf(managersOf(deps))
  return {
    http: [{ name: 'neutron', prefix: '/networking', catalogTypes: ['network'], routes, dialect, enforcer: parts.enforcer, authenticate: parts.authenticate, limits: { bytes: 1_048_576, depth: 20 } }],
    control: networkControlOf(deps), audit: () => parts.db.read(findBroken), idle: () => sender.idle(), stop: () => sender.stop(),
  }
}

type Managers = ReturnType<typeof managersOf>

function managersOf(deps: Deps) {
  return {
    networks: networkManager(deps), subnets: subnetManager(deps), ports: portManager(deps), routers: routerManager(deps), routerInterfaces: routerInterfaceManager(deps),
    floatingIps: floatingIpManager(deps), securityGroups: securityGroupManager(deps), securityGroupRules: securityGroupRuleManager(deps), quotas: quotaManager(deps),
    agents: agentManager(deps), tags: tagManager(deps),
  }
}

function routesOf(m: Managers): AnyRoute[] {
  return [
    ...discoveryRoutes, ...networkRoutes(m.networks), ...subnetRoutes(m.subnets), ...portRoutes(m.ports), ...routerRoutes(m.routers, m.routerInterfaces), ...floatingIpRoutes(m.floatingIps),
    ...securityGroupRoutes(m.securityGroups), ...securityGroupRuleRoutes(m.securityGroupRules), ...quotaRoutes(m.quotas), ...agentRoutes(m.agents), ...tagRoutes(m.tags),
  ]
}
