// Placement's faults. Codes that begin with `placement.` and that upstream has too are shown to clients as they are.
import { Fault } from '@alto/kit/errors'

/** No provider of that id. */
export function noProvider(id: string): Fault {
  return new Fault('notFound', 'placement.resource_provider.not_found', `No resource provider with uuid ${id} found`)
}

/** No resource class of that name. */
export function noClass(name: string): Fault {
  return new Fault('notFound', 'placement.class.notFound', `No such resource class ${name}.`)
}

/** No trait of that name. */
export function noTrait(name: string): Fault {
  return new Fault('notFound', 'placement.trait.notFound', `No such trait(s): ${name}.`)
}

/** The provider has nothing of that class. */
export function noInventory(providerId: string, resourceClass: string): Fault {
  return new Fault('notFound', 'placement.inventory.notFound', `No inventory of class ${resourceClass} for ${providerId}`)
}

/** The caller worked on an older state of the provider. */
export function providerChanged(): Fault {
  return new Fault('conflict', 'placement.concurrent_update', 'resource provider generation conflict')
}

/** The caller worked on an older state of the consumer; `seen` is what it named. */
export function consumerChanged(is: number | null, seen: number | null): Fault {
  return new Fault('conflict', 'placement.concurrent_update', `consumer generation conflict - expected ${is ?? 'null'} but got ${seen ?? 'null'}`)
}

/** Something is allocated of an inventory that would go. */
export function inventoryInUse(resourceClass: string, providerId: string): Fault {
  return new Fault('conflict', 'placement.inventory.inuse', `Inventory for '${resourceClass}' on resource provider '${providerId}' in use.`)
}

/** An allocation that an inventory cannot or must not give. */
export function unallocatable(message: string): Fault {
  return new Fault('conflict', 'placement.allocation.refused', `Unable to allocate inventory: ${message}`)
}

/** Another thing of its kind has that name. */
export function nameTaken(what: string, name: string): Fault {
  return new Fault('conflict', 'placement.duplicate_name', `Conflicting ${what} name: ${name} already exists.`)
}

/** A request that its schema lets through and that makes no sense. */
export function invalid(message: string): Fault {
  return new Fault('badRequest', 'placement.invalid', message)
}

/** A query parameter with a value that cannot be. */
export function badQuery(message: string): Fault {
  return new Fault('badRequest', 'placement.query.bad_value', message)
}

/** A query parameter that must be there is not. */
export function missingQuery(message: string): Fault {
  return new Fault('badRequest', 'placement.query.missing_value', message)
}
