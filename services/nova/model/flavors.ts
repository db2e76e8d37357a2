// Flavors: sizes that servers come in.

export interface Flavor {
  readonly id: string
  readonly name: string
  readonly vcpus: number
  readonly ramMib: number
  readonly diskGib: number
  readonly ephemeralGib: number
  readonly swapMib: number
  readonly rxtxFactor: number
  readonly isPublic: boolean
  readonly disabled: boolean
  readonly description: string | null
  readonly extraSpecs: Readonly<Record<string, string>>
}

/** What a server of the flavor takes of a host, by Placement's resource classes; its root disk counts only when it is the host's own. */
export function resourcesOf(flavor: Flavor, rootOnVolume: boolean): Record<string, number> {
  const disk = (rootOnVolume ? 0 : flavor.diskGib) + flavor.ephemeralGib + Math.ceil(flavor.swapMib / 1024)
  const all: Record<string, number> = { VCPU: flavor.vcpus, MEMORY_MB: flavor.ramMib, DISK_GB: disk }
  for (const [key, value] of Object.entries(flavor.extraSpecs)) {
    const match = /^resources:([A-Z0-9_]+)$/.exec(key)
    if (match && /^\d+$/.test(value)) all[match[1]!] = Number(value)
  }
  return Object.fromEntries(Object.entries(all).filter(([, amount]) => amount > 0))
}

/** Traits that the flavor's extra specs require of a host, and those that they forbid. */
export function traitsOf(flavor: Flavor): { required: string[], forbidden: string[] } {
  const named = (wanted: string) => Object.entries(flavor.extraSpecs).filter(([key, value]) => key.startsWith('trait:') && value === wanted).map(([key]) => key.slice('trait:'.length))
  return { required: named('required'), forbidden: named('forbidden') }
}
