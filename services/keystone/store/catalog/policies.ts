// SQL for policies, and for what they are associated with.
import { fromJson, toJson } from '@alto/kit/db'
import type { Policy, PolicyTarget } from '../../model/catalog/catalog.ts'
import type { Listed, Listing } from '../../model/filters.ts'
import { page } from '../filters.ts'
import type { Tables, Tx } from '../tables.ts'

/** The policy, or undefined. */
export async function find(tx: Tx, id: string): Promise<Policy | undefined> {
  const row = await tx.selectFrom('policies').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** A page of policies. */
export async function list(tx: Tx, listing: Listing<'type'>): Promise<Listed<Policy>> {
  const { items, more } = await page(tx.selectFrom('policies').selectAll(), listing, { type: 'type' }, [])
  return { items: items.map(fromRow), more }
}

/** Adds a policy. */
export async function insert(tx: Tx, policy: Policy): Promise<void> {
  await tx.insertInto('policies').values(toRow(policy)).execute()
}

/** Writes all of the policy's columns. */
export async function update(tx: Tx, policy: Policy): Promise<void> {
  await tx.updateTable('policies').set(toRow(policy)).where('id', '=', policy.id).execute()
}

/** Removes the policy with its associations. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('policies').where('id', '=', id).execute()
}

/** The id of the policy that is associated with exactly this, or undefined. */
export async function findAssociated(tx: Tx, target: PolicyTarget): Promise<string | undefined> {
  let query = tx.selectFrom('policy_associations').select('policy_id')
  if ('endpointId' in target) query = query.where('endpoint_id', '=', target.endpointId)
  else query = query.where('service_id', '=', target.serviceId).where('region_id', target.regionId === null ? 'is' : '=', target.regionId)
  return (await query.executeTakeFirst())?.policy_id
}

/** What the policy is associated with. */
export async function targetsOf(tx: Tx, policyId: string): Promise<PolicyTarget[]> {
  const rows = await tx.selectFrom('policy_associations').selectAll().where('policy_id', '=', policyId).execute()
  return rows.map(row => row.endpoint_id !== null ? { endpointId: row.endpoint_id } : { serviceId: row.service_id!, regionId: row.region_id })
}

/** Associates the policy with the target. Breaks a unique index when the target has a policy. */
export async function associate(tx: Tx, policyId: string, target: PolicyTarget): Promise<void> {
  const columns = 'endpointId' in target ? { endpoint_id: target.endpointId, service_id: null, region_id: null } : { endpoint_id: null, service_id: target.serviceId, region_id: target.regionId }
  await tx.insertInto('policy_associations').values({ policy_id: policyId, ...columns }).execute()
}

/** Ends the target's association with whatever policy, or with that one alone; nothing when there is none. */
export async function dissociate(tx: Tx, target: PolicyTarget, policyId?: string): Promise<void> {
  let query = tx.deleteFrom('policy_associations')
  if ('endpointId' in target) query = query.where('endpoint_id', '=', target.endpointId)
  else query = query.where('service_id', '=', target.serviceId).where('region_id', target.regionId === null ? 'is' : '=', target.regionId)
  if (policyId !== undefined) query = query.where('policy_id', '=', policyId)
  await query.execute()
}

function fromRow(row: Tables['policies']): Policy {
  return { ...row, extra: fromJson(row.extra, {}) }
}

function toRow(policy: Policy): Tables['policies'] {
  return { ...policy, extra: toJson(policy.extra) }
}
