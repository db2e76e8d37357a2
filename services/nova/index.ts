// Nova: what it declares, and the parts that a composition root wires: the controller (service.ts), and the agent with its hypervisors.
import { forProjects, type Rule } from '@alto/kit/policy'
import { computeRoutes } from './api/index.ts'
import { novaOptions } from './options.ts'
import * as addressesRules from './policy/addresses.ts'
import * as aggregatesRules from './policy/aggregates.ts'
import * as assistedSnapshotsRules from './policy/assisted-snapshots.ts'
import * as baseRules from './policy/base.ts'
import * as consolesRules from './policy/consoles.ts'
import * as eventsRules from './policy/events.ts'
import * as flavorSpecsRules from './policy/flavor-specs.ts'
import * as flavorsRules from './policy/flavors.ts'
import * as hostsRules from './policy/hosts.ts'
import * as instanceActionsRules from './policy/instance-actions.ts'
import * as interfacesRules from './policy/interfaces.ts'
import * as keypairsRules from './policy/keypairs.ts'
import * as limitsRules from './policy/limits.ts'
import * as quotasRules from './policy/quotas.ts'
import * as securityGroupsRules from './policy/security-groups.ts'
import * as serverActionsRules from './policy/server-actions.ts'
import * as serverDetailsRules from './policy/server-details.ts'
import * as serverGroupsRules from './policy/server-groups.ts'
import * as serverMetadataRules from './policy/server-metadata.ts'
import * as serverRequestsRules from './policy/server-requests.ts'
import * as serverTagsRules from './policy/server-tags.ts'
import * as serversRules from './policy/servers.ts'
import * as servicesRules from './policy/services.ts'
import * as volumesRules from './policy/volumes.ts'
import * as zonesRules from './policy/zones.ts'

export { computeAgentOn, type AgentOptions, type RunningAgent } from './agent/agent.ts'
export type { Images } from './agent/steps.ts'
export { fakeHypervisor, type FakeHypervisor, type FakeOptions } from './driver/fake.ts'
export type { Hypervisor, ImageBytes } from './driver/hypervisor.ts'
export { detectEmulation } from './driver/qemu/acceleration.ts'
export { qemuHypervisor, type QemuOptions } from './driver/qemu/hypervisor.ts'
export { novaOptions }
export { MICROVERSIONS } from './api/versions.ts'
export { novaService, type Nova, type NovaParts } from './service.ts'
export { migrations, type Tables } from './store/tables.ts'

/** Every rule that Nova asks. */
export const policy: readonly Rule[] = forProjects([
  addressesRules, aggregatesRules, assistedSnapshotsRules, baseRules, consolesRules, eventsRules, flavorSpecsRules, flavorsRules, hostsRules, instanceActionsRules, interfacesRules, keypairsRules, limitsRules, quotasRules, securityGroupsRules, serverActionsRules, serverDetailsRules, serverGroupsRules, serverMetadataRules, serverRequestsRules, serverTagsRules, serversRules, servicesRules, volumesRules, zonesRules,
].flatMap(room => Object.values(room)))

/** What Nova declares of itself. */
export const declared = { routes: computeRoutes({} as never), rules: policy, options: novaOptions }
