// Orders: what is to be true of one thing on a host, with the terms that say which of two orders is the newer.

/** Which order this is: `generation` grows with every change of the row, `epoch` with every owner of its task. An agent refuses what is lower than it obeyed. */
export interface Terms {
  readonly generation: number
  readonly epoch: number
}

/** A row as it is wanted, or that the thing is to be no more. */
export type Order<Wanted extends Terms = Terms, Tombstone extends Terms = Terms> = { readonly wanted: Wanted } | { readonly tombstone: Tombstone }

/** The terms of an order, without the rest of its row. */
export function termsOf(order: Order): Terms {
  const { generation, epoch } = 'wanted' in order ? order.wanted : order.tombstone
  return { generation, epoch }
}
