// Volume types.

/** A kind of volume that users choose. */
export interface VolumeType {
  id: string
  name: string
  description: string | null
  isPublic: boolean
  extraSpecs: Readonly<Record<string, string>>
  createdAt: number
}

/** The type of volumes for which none is named. */
export const DEFAULT_TYPE = '__DEFAULT__'

/** True when volumes of the type may be attached to several servers at once. */
export function allowsMultiattach(type: VolumeType): boolean {
  return type.extraSpecs['multiattach'] === '<is> True'
}

/** The extra specs that everybody may see. */
export const VISIBLE_SPECS: readonly string[] = ['multiattach', 'replication_enabled', 'RESKEY:availability_zones']
