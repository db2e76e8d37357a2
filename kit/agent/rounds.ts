// Work that bells ask for, one round after the other.

/** Rounds of one kind of work. */
export interface Rounds {
  /** Asks for a round that begins after now: the next one serves all who rang before it began. Resolves when nobody rings any more and the last round has ended. */
  ring(): Promise<void>
  /** Resolves when no round is at work or asked for. */
  ended(): Promise<void>
}

/** Runs `round` whenever it was rung for; never two at once. One that throws, which is a bug, throws at who rang; the next ring begins anew. */
export function rounds(round: () => Promise<void>): Rounds {
  let rung = false
  let running: Promise<void> | undefined
  async function run(): Promise<void> {
    await Promise.resolve()                        // so that `running` is set before it is cleared
    try {
      while (rung) {
        rung = false
        await round()
      }
    } finally {
      running = undefined                          // in the same moment as the last look at the bell: one that rings later begins anew
    }
  }
  return {
    ring() {
      rung = true
      return running ??= run()
    },
    async ended() {
      while (running) await running
    },
  }
}
