// The services of a site and what each declares: routes for the sweeps, options for the site's configuration file, rules for its policy files.
import type { AnyRoute, MicroversionPolicy } from '@alto/kit/http'
import { policyOptions, type CheckKind, type Rule } from '@alto/kit/policy'
import * as cinder from '@alto/cinder'
import * as glance from '@alto/glance'
import * as keystone from '@alto/keystone'
import * as neutron from '@alto/neutron'
import * as nova from '@alto/nova'
import * as placement from '@alto/placement'

/** The services, as roles and databases are called. */
export const SERVICES = ['keystone', 'placement', 'glance', 'neutron', 'cinder', 'nova'] as const
export type ServiceName = typeof SERVICES[number]

/** A service of a site. */
export interface Member {
  name: ServiceName
  prefix: string
  declared: { routes: readonly AnyRoute[], rules: readonly Rule[] }
  microversions?: MicroversionPolicy
  /** Checks that it adds to the policy language. */
  kinds?: Readonly<Record<string, CheckKind>>
}

export const services: readonly Member[] = [
  { name: 'keystone', prefix: '/identity', declared: keystone.declared },
  { name: 'placement', prefix: '/placement', declared: placement.declared, microversions: placement.microversions },
  { name: 'glance', prefix: '/image', declared: glance.declared },
  { name: 'neutron', prefix: '/networking', declared: neutron.declared, kinds: neutron.policyKinds },
  { name: 'cinder', prefix: '/volume', declared: cinder.declared, microversions: cinder.microversions },
  { name: 'nova', prefix: '/compute', declared: nova.declared, microversions: nova.MICROVERSIONS },
]

export const sections = [keystone.declared.options, placement.declared.options, glance.declared.options, nova.declared.options, neutron.declared.options, cinder.declared.options, policyOptions] as const
