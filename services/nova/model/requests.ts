// A request for servers, in our own words.
import type { WantedInterface } from './interfaces.ts'

export interface ServerRequest {
  readonly name: string
  readonly description: string | null
  readonly hostname?: string
  /** null: the server boots from a volume. */
  readonly imageId: string | null
  readonly flavorId: string
  /** undefined: nothing was said. */
  readonly networks: 'auto' | 'none' | readonly WantedInterface[] | undefined
  /** Names or ids. */
  readonly securityGroups: readonly string[]
  readonly keyName: string | null
  readonly userData: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly configDrive: boolean
  /** `zone`, or `zone:host` by an admin. */
  readonly zone: string | null
  readonly host?: string
  readonly hypervisorHostname?: string
  readonly blockDevices: readonly BlockDevice[]
  /** They are in the first form, which has no boot index. */
  readonly hasLegacyDevices?: boolean
  readonly min: number
  readonly max: number
  readonly diskConfig: 'MANUAL' | 'AUTO'
  readonly accessIpV4: string | null
  readonly accessIpV6: string | null
  readonly tags: readonly string[]
  readonly hints: Readonly<Record<string, unknown>>
}

/** An entry of block_device_mapping_v2. */
export interface BlockDevice {
  readonly source: 'image' | 'volume' | 'snapshot' | 'blank'
  readonly destination: 'local' | 'volume'
  readonly id?: string
  readonly bootIndex: number | null
  readonly size?: number
  readonly device?: string
  readonly deleteOnTermination: boolean
  readonly tag?: string
  readonly volumeType?: string
  /** There is to be none of that name, though the image brings one. */
  readonly isAbsent?: true
}
