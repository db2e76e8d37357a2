// The stores of a cloud: which there are, and which one is meant.
import { Fault } from '@alto/kit/errors'
import { invalid } from './faults.ts'

/** What is known of a store here. */
interface Named { readonly id: string, readonly isReadOnly?: boolean }

/** The stores of a cloud, the default one first. */
export class Stores<Store extends Named> {
  readonly all: readonly Store[]
  readonly main: Store

  constructor(all: readonly [Store, ...Store[]]) {
    this.all = all
    this.main = all[0]
    const twice = all.find((one, i) => all.findIndex(other => other.id === one.id) !== i)
    if (twice) throw new Error(`two stores are called ${twice.id}`)
  }

  /** The store of that id; undefined when there is none (any more). */
  find(id: string): Store | undefined {
    return this.all.find(one => one.id === id)
  }

  /** The store that a client wants bytes to be in, the default one when it names none. Throws Fault('badRequest', 'glance.store.unknown'), Fault('gone', 'glance.store.readOnly'). */
  asked(id: string | undefined): Store {
    const found = id === undefined ? this.main : this.find(id)
    if (!found) throw invalid('store.unknown', `Store for identifier ${id} not found`)
    if (found.isReadOnly) throw new Fault('gone', 'glance.store.readOnly', 'Error in store configuration. Adding images to store is disabled.')
    return found
  }
}
