// Two requests at once, to two Keystones on one PostgreSQL, in every order of their statements.
import assert from 'node:assert/strict'
import { twoControllers, type Ended } from '@alto/kit/testing'
import { migrations, type Tables } from '../index.ts'
import { keystoneAlone, type Answer, type Cloud } from './cloud.ts'

type Options = NonNullable<Parameters<typeof keystoneAlone>[0]>['options']

/** What is asked at once. */
export interface AtOnce<Begun, World> {
  options?: Options
  /** Once, by the first Keystone. */
  begin(cloud: Cloud): Promise<Begun>
  /** Anew for each order, which is counted from 0. */
  prepare(begun: Begun, order: number, cloud: Cloud): Promise<World>
  /** One of the two requests. */
  ask(cloud: Cloud, world: World, which: 0 | 1): Promise<Answer>
  /** What must be so after both, whatever the order. */
  holds(statuses: readonly [number, number], world: World, cloud: Cloud): Promise<void> | void
  /** At most; 25 when not given. */
  orders?: number
}

/** Tries the orders. Fails with what `holds` does, and when the two hardly met. */
export async function atOnce<Begun, World>(what: AtOnce<Begun, World>): Promise<void> {
  await using two = await twoControllers<Tables>(migrations)
  const options = what.options ?? {}
  await using one = await keystoneAlone({ db: two.databases[0], options })
  await using other = await keystoneAlone({ db: two.databases[1], beside: one, options })
  const begun = await what.begin(one)
  const { orders, deadlocks } = await two.walk<World, Answer>({
    prepare: order => what.prepare(begun, order, one),
    first: world => what.ask(one, world, 0),
    second: world => what.ask(other, world, 1),
    holds: (world, [first, second]) => what.holds([statusOf(first), statusOf(second)], world, one),
    orders: what.orders ?? 25,
  })
  assert.equal(deadlocks, 0)
  assert.ok(orders >= 4, `${orders} orders`)
}

export type Ask = (method: string, path: string, body?: unknown) => Promise<Answer>
export type Request = readonly [method: string, path: string, body?: unknown]

/** Two requests of an administrator, made anew for each order, and what must be so after both. */
export interface AdminsAtOnce<World> {
  options?: Options
  prepare(ask: Ask, order: number): Promise<World & { requests: readonly [Request, Request] }>
  holds(ask: Ask, world: World, statuses: readonly [number, number]): Promise<void> | void
}

/** The same for two administrators. Paths are below /v3. */
export function adminsAtOnce<World>({ options, prepare, holds }: AdminsAtOnce<World>): Promise<void> {
  let token = ''
  const asking = (cloud: Cloud): Ask => (method, path, body) => cloud.ask(method, `/v3${path}`, { token, ...(body !== undefined && { body }) })
  return atOnce({
    ...(options && { options }),
    async begin(cloud) { token = (await cloud.login('admin')).token },
    prepare: (_, order, cloud) => prepare(asking(cloud), order),
    ask: (cloud, { requests }, which) => asking(cloud)(...requests[which]),
    holds: (statuses, world, cloud) => holds(asking(cloud), world, statuses),
  })
}

/** The status of what came to its end. Throws what it ended with otherwise. */
export function statusOf(one: Ended<Answer>): number {
  if ('error' in one) throw one.error
  return one.value.status
}

/** From the lowest up. */
export const sorted = (statuses: readonly number[]): number[] => statuses.toSorted((a, b) => a - b)
