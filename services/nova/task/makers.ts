// The making of volumes that come with a server: within the request, as its user, which no other controller can be. So that no server waits for a
// controller that is gone, each counts up a number in the rows of what it is making, and all look for numbers that stand still. No two machines' clocks
// are compared, and time in which the database was away is nobody's silence.
import { repeat, Standstills } from '@alto/kit/clock'
import { messageOf } from '@alto/kit/errors'
import type { Deps } from '../manager/deps.ts'
import { endMaking } from '../manager/volumes.ts'
import * as volumes from '../store/volumes.ts'

/** Milliseconds between two signs, between two looks, and without a sign until a maker counts as gone. */
const SIGN_EVERY = 5_000
const LOOK_EVERY = 10_000
const SILENT_FOR = 30_000

const STOPPED = 'Nova was stopped before the volume was made.'

/** Gives up what an earlier life of this controller was making. Gives how many volumes. */
export async function abandonOwn(deps: Pick<Deps, 'db' | 'queue' | 'host'>, before: number): Promise<number> {
  const left = (await deps.db.read(volumes.unmade)).filter(one => one.maker === deps.host && one.volume.createdAt < before)
  for (const one of left) await endMaking(deps, one, { failure: STOPPED })
  return left.length
}

/** Begins to give signs for what this controller makes, and to give up what others do that give none; the function returned ends both. */
export function watchMakers(deps: Pick<Deps, 'db' | 'queue' | 'clock' | 'log' | 'host'>): () => Promise<void> {
  const { db, clock, log, host } = deps
  const standstills = new Standstills()
  const signs = repeat(clock, SIGN_EVERY, () => db.write(tx => volumes.beat(tx, host)).catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'a controller could not give a sign of life')))
  const looks = repeat(clock, LOOK_EVERY, async () => {
    try {
      const unmade = await db.read(volumes.unmade)
      const silent = standstills.look(unmade.map(({ volume: { id }, beats }) => [id, beats]), clock.now(), SILENT_FOR)
      for (const one of unmade.filter(({ volume: { id } }) => silent.has(id))) {
        if (await endMaking(deps, one, { failure: STOPPED })) log.warn({ serverId: one.volume.serverId, maker: one.maker }, 'a volume was given up: the controller that was making it gave no sign of life')
      }
    } catch (error) {
      standstills.forget()
      log.warn({ reason: messageOf(error) }, 'volumes that are being made could not be looked at')
    }
  })
  return async () => { await Promise.all([signs(), looks()]) }
}
