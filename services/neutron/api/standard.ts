// What every resource's view has, and attributes that only some may see.
import type { Context } from '@alto/kit/context'
import type { Rule } from '@alto/kit/policy'
import { wireTime, type Standard } from '../model/standard.ts'

/** The standard attributes as the API shows them. */
export function standardView(s: Standard) {
  return {
    id: s.id, tenant_id: s.projectId, project_id: s.projectId, description: s.description, tags: s.tags, revision_number: s.revision,
    created_at: wireTime(s.createdAt), updated_at: wireTime(s.updatedAt),
  }
}

/** The view without the attributes whose rule refuses the caller. */
export function visible(ctx: Context, view: Readonly<Record<string, unknown>>, rules: Readonly<Record<string, Rule>>, target: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const hidden = Object.entries(rules).filter(([, rule]) => !ctx.allowed(rule, target)).map(([name]) => name)
  return hidden.length ? Object.fromEntries(Object.entries(view).filter(([name]) => !hidden.includes(name))) : view
}
