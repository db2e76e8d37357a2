// Custom properties that not everybody may see and change: where the operator protects them (model/protections.ts).
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import type { Enforcer } from '@alto/kit/policy'
import { refused } from '../model/faults.ts'
import { ATTRIBUTES, type Image } from '../model/images.ts'
import type { Change } from '../model/patch.ts'
import type { PropertyAction, Protections } from '../model/protections.ts'

/** Whether a caller may do that with the property `name`. */
export type PropertyGuard = (ctx: Context, action: PropertyAction, name: string) => boolean

/** The guard by a file's protections; `rules` are those of the policy that a file may name. */
export function propertyGuard(protections: () => Protections, rules: () => Enforcer): PropertyGuard {
  return (ctx, action, name) => protections().allows(action, name, {
    roles: [...ctx.credentials.roles, ...ctx.credentials.serviceRoles ?? []],
    passes: rule => rules().policies.checks.has(rule) && rules().allowed(rule, ctx.credentials).allowed,
  })
}

/** The image with the properties that the caller may read. */
export function readable(guard: PropertyGuard | undefined, ctx: Context, image: Image): Image {
  return guard ? { ...image, properties: Object.fromEntries(Object.entries(image.properties).filter(([name]) => guard(ctx, 'read', name))) } : image
}

/** Throws Fault('forbidden', 'glance.property.protected') when the caller may not make an image with these properties. */
export function mayCreate(guard: PropertyGuard | undefined, ctx: Context, image: Image): void {
  if (guard) for (const name of Object.keys(image.properties)) if (!guard(ctx, 'create', name)) throw reserved(name)
}

/** Throws Fault('forbidden', 'glance.property.protected') when the caller may not make the change; what it may not read is not there for it. */
export function mayChange(guard: PropertyGuard | undefined, ctx: Context, image: Image, { op, name }: Change): void {
  if (!guard || ATTRIBUTES.includes(name)) return
  const there = Object.hasOwn(image.properties, name) && guard(ctx, 'read', name)
  if (!there && op !== 'add') throw new Fault('conflict', 'glance.property.missing', `Property ${name} does not exist.`)
  if (!guard(ctx, op === 'remove' ? 'delete' : there ? 'update' : 'create', name)) throw reserved(name)
}

function reserved(name: string): Fault {
  return refused('property.protected', `Attribute '${name}' is reserved.`)
}
