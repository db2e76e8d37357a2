// What fake drivers keep of a host, apart from the agents: where agents die and are started again in one process, their host has to outlive them.
import type { Clock } from '@alto/kit/clock'
import { fakeDisks, type DiskStore } from '@alto/cinder'
import { fakeNetwork, type FakeNetwork, type FakeNetworkHost } from '@alto/neutron'
import { fakeHypervisor, type FakeHypervisor } from '@alto/nova'

/** A host that is only told of. */
export interface FakeHost {
  readonly compute: FakeHypervisor
  readonly network: FakeNetworkHost & { readonly driver: FakeNetwork }
  readonly volume: DiskStore
}

/** An empty host of `cloud` (its id). `clock` is what the host's own work takes its time by; `tunnelAddress` is where the others would reach it. */
export function fakeHost({ cloud, name, clock, tunnelAddress }: { cloud: string, name: string, clock: Clock, tunnelAddress?: string | undefined }): FakeHost {
  let epoch = 0
  return {
    compute: fakeHypervisor({ clock, vcpus: 64, memoryMib: 256 * 1024, diskGib: 4096 }),
    network: {
      driver: fakeNetwork({ cloud, hostName: name, ...(tunnelAddress !== undefined && { tunnelAddress }) }),
      databaseEpoch: { read: async () => epoch, write: async seen => { epoch = seen } },
    },
    volume: fakeDisks(),
  }
}
