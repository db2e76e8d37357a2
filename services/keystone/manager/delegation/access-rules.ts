// Access rules of users: made with application credentials, seen and removed here.
import type { Context } from '@alto/kit/context'
import { orFault } from '@alto/kit/db'
import type { Rule } from '@alto/kit/policy'
import type { AccessRule } from '../../model/delegation/access-rules.ts'
import { notFound, refused } from '../../model/faults.ts'
import * as rules from '../../policy/delegation/access-rules.ts'
import * as accessRules from '../../store/delegation/access-rules.ts'
import type { AccessRuleFilter } from '../../store/delegation/access-rules.ts'
import type { Tx } from '../../store/tables.ts'
import * as users from '../../store/users/users.ts'
import type { Deps } from '../deps.ts'
import { refuseForeignDelegates } from './caller.ts'

export type AccessRuleManager = ReturnType<typeof accessRuleManager>

/** The use cases of access rules. */
export function accessRuleManager(deps: Pick<Deps, 'db'>) {
  const { db } = deps

  async function authorized(ctx: Context, tx: Tx, rule: Rule, userId: string): Promise<void> {
    const user = await users.find(tx, userId)
    ctx.authorize(rule, user ? { target: { user: { id: user.id, domain_id: user.domainId } } } : {})
    refuseForeignDelegates(ctx)
  }

  return {
    async list(ctx: Context, userId: string, filter: AccessRuleFilter): Promise<AccessRule[]> {
      return db.read(async tx => {
        await authorized(ctx, tx, rules.LIST_ACCESS_RULES, userId)
        return accessRules.list(tx, userId, filter)
      })
    },

    async show(ctx: Context, userId: string, id: string): Promise<AccessRule> {
      return db.read(async tx => {
        await authorized(ctx, tx, rules.GET_ACCESS_RULE, userId)
        const found = await accessRules.find(tx, userId, id)
        if (!found) throw notFound('Access Rule', id)
        return found
      })
    },

    /** Throws Fault('forbidden') while an application credential uses it. */
    async remove(ctx: Context, userId: string, id: string): Promise<void> {
      await orFault({ reference: () => refused('accessRule.used', 'May not delete access rule in use') }, () => db.write(async tx => {
        await authorized(ctx, tx, rules.DELETE_ACCESS_RULE, userId)
        if (!await accessRules.find(tx, userId, id)) throw notFound('Access Rule', id)
        await accessRules.remove(tx, id)
      }))
    },
  }
}
