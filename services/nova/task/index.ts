// Every task of Nova's.
import type { Definition } from '@alto/kit/task'
import type { Deps } from '../manager/deps.ts'
import type { Tables } from '../store/tables.ts'
import { serverCreate } from './create.ts'
import { serverDelete } from './delete.ts'
import { interfaceAttach, interfaceDetach } from './interfaces.ts'
import { serverPower } from './power.ts'
import { serverSnapshot } from './snapshot.ts'
import { volumeImage } from './volume-images.ts'
import { volumeAttach, volumeDetach, volumeExtend } from './volumes.ts'

/** The definitions that Nova's runner is given. */
export function novaTasks(deps: Deps): Definition<Tables, never>[] {
  return [
    serverCreate(deps), serverDelete(deps), serverPower(deps), serverSnapshot(deps), volumeAttach(deps), volumeDetach(deps), volumeExtend(deps), interfaceAttach(deps), interfaceDetach(deps), volumeImage(deps),
  ] as Definition<Tables, never>[]
}
