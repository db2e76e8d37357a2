// Unified limits: what a project may have of images, and what it has.
import { Fault } from '@alto/kit/errors'

/** The resources, under the names by which they are registered in Keystone. Sizes are MiB. */
export const RESOURCES = ['image_size_total', 'image_stage_total', 'image_count_total', 'image_count_uploading'] as const
export type Resource = typeof RESOURCES[number]
export type Used = Readonly<Record<Resource, number>>

/** Bytes of the unit in which sizes are limited. */
export const MEBIBYTE = 1024 * 1024

/** What a project may have of it: -1 is any number; nothing of what nobody registered. */
export function limitOf(limits: ReadonlyMap<string, number>, resource: Resource): number {
  return limits.get(resource) ?? 0
}

/** Throws Fault('overQuota', 'glance.limit') in upstream's words when the project would have more than it may. */
export function refuseBeyond(limits: ReadonlyMap<string, number>, used: Used, { project, resource, more }: { project: string, resource: Resource, more: number }): void {
  const limit = limitOf(limits, resource)
  if (limit < 0 || used[resource] + more <= limit) return
  throw new Fault('overQuota', 'glance.limit', `Project ${project} is over a limit for [Resource ${resource} is over limit of ${limit} due to current usage ${used[resource]} and delta ${more}]`)
}
