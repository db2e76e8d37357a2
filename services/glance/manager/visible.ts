// Which images a caller may know of, and what policy is told of them.
import type { Context } from '@alto/kit/context'
import type { Rule } from '@alto/kit/policy'
import { imageNotFound } from '../model/faults.ts'
import type { Image } from '../model/images.ts'
import type { Member } from '../model/members.ts'
import { CONTEXT_IS_ADMIN } from '../policy/base.ts'
import { GET_IMAGE } from '../policy/images.ts'
import * as images from '../store/images.ts'
import * as members from '../store/members.ts'
import type { Tx } from '../store/tables.ts'

/** An image, and the caller's own share in it when it is shared with the caller. */
export interface Seen { image: Image, share: Member | undefined }

/** True for callers who see every project's images. */
export function isAdmin(ctx: Context): boolean {
  return ctx.allowed(CONTEXT_IS_ADMIN, {})
}

/** What a rule is asked about an image. */
export function targetOf({ image, share }: Seen) {
  return { project_id: image.owner, owner: image.owner, member_id: share?.member ?? null, visibility: image.visibility, image_id: image.id, status: image.status }
}

/** The image, when the caller may know of it; throws Fault('notFound', 'glance.image.notFound') otherwise. */
export async function visibleImage(tx: Tx, ctx: Context, id: string): Promise<Seen> {
  const image = await images.find(tx, id)
  if (!image) throw imageNotFound(id)
  const project = ctx.credentials.projectId
  const share = image.visibility === 'shared' && project !== undefined && project !== image.owner ? await members.find(tx, id, project) : undefined
  const known = isAdmin(ctx) || (image.owner !== null && image.owner === project) || image.visibility === 'public' || image.visibility === 'community' || share !== undefined
  const seen = { image, share }
  if (!known || !ctx.allowed(GET_IMAGE, targetOf(seen))) {
    if (known) ctx.authorize(GET_IMAGE, targetOf(seen), { hiddenAs: imageNotFound(id) })
    throw imageNotFound(id)
  }
  return seen
}

/** The image, when the caller may do to it what `rule` guards: unknown ones are not found, known ones forbidden. */
export async function imageFor(tx: Tx, ctx: Context, rule: Rule, id: string): Promise<Seen> {
  const seen = await visibleImage(tx, ctx, id)
  ctx.authorize(rule, targetOf(seen))
  return seen
}
