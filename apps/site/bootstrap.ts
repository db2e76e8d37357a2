// The users, projects and endpoints that a site begins with.
import type { Bootstrap } from '@alto/keystone'

/** The users that services act as; Keystone itself needs none. */
export const SERVICE_USERS = ['placement', 'glance', 'neutron', 'nova', 'cinder'] as const

/** Passwords of the first users. */
export interface FirstUsers {
  admin: string
  /** Undefined: there is no user demo. */
  demo: string | undefined
  /** By service. */
  services: Readonly<Record<string, string>>
}

/** What Keystone makes when it is not there yet. */
export function firstUsers(passwords: FirstUsers): Bootstrap {
  return {
    region: 'RegionOne', projects: ['admin', ...(passwords.demo === undefined ? [] : ['demo']), 'service'],
    users: [
      { name: 'admin', password: passwords.admin, system: 'admin', grants: [{ project: 'admin', role: 'admin' }] },
      ...(passwords.demo === undefined ? [] : [{ name: 'demo', password: passwords.demo, grants: [{ project: 'demo', role: 'member' }] }]),
      ...Object.entries(passwords.services).map(([name, password]) => ({ name, password, grants: [{ project: 'service', role: 'admin' }, { project: 'service', role: 'service' }] })),
    ],
    endpoints: [
      { type: 'identity', name: 'keystone', description: 'Identity', url: '$(base)s/identity' },
      { type: 'placement', name: 'placement', description: 'Placement', url: '$(base)s/placement' },
      { type: 'compute', name: 'nova', description: 'Compute', url: '$(base)s/compute/v2.1' },
      { type: 'volumev3', name: 'cinderv3', description: 'Block storage', url: '$(base)s/volume/v3/$(project_id)s' },
      { type: 'block-storage', name: 'cinder', description: 'Block storage', url: '$(base)s/volume/v3/$(project_id)s' },
      { type: 'network', name: 'neutron', description: 'Networking', url: '$(base)s/networking' },
      { type: 'image', name: 'glance', description: 'Image', url: '$(base)s/image' },
    ],
  }
}
