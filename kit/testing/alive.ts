// Keeping a test's process alive while it only waits for time: the clock's timers alone do not.

/** Holds the process open until it is disposed of. For files whose cleaning up sleeps on the clock while nothing else is open. */
export function stayAlive(): Disposable {
  const { port1, port2 } = new MessageChannel()
  port1.ref()
  return { [Symbol.dispose]() { port1.close(); port2.close() } }
}
