// A process that can be killed, played inside one that goes on: whoever runs in it holds clock, databases, transport and drivers through it, and after its
// death none of them answers any more. What was begun stays begun: a transaction that had not committed is rolled back, a command on the host goes on.
import type { Clock } from '@alto/kit/clock'
import type { Database } from '@alto/kit/db'
import { Fault } from '@alto/kit/errors'
import type { Fetch, FetchResponse } from '@alto/kit/http'
import type { Serving, Transport } from '@alto/kit/rpc'

/** See above. */
export class SimulatedProcess {
  readonly name: string
  readonly #clock: Clock
  readonly #endings = new Set<() => void>()
  #isAlive = true
  /** True while nothing that it sends arrives; what is sent to it is for the network to lose. */
  cutOff = false

  constructor(name: string, clock: Clock) {
    this.name = name
    this.#clock = clock
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** Ends it, as `kill -9` does. */
  kill(): void {
    this.#isAlive = false
    for (const end of this.#endings) end()
    this.#endings.clear()
  }

  /** The outcome of `promise`, for who runs here: never, once the process is dead. */
  hold<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(value => { if (this.#isAlive) resolve(value) }, (error: unknown) => { if (this.#isAlive) reject(error as Error) })
    })
  }

  get clock(): Clock {
    const clock = this.#clock
    return {
      now: () => clock.now(),
      sleep: (ms, signal) => this.hold(clock.sleep(ms, signal)),
      after: (ms, fn) => clock.after(ms, () => { if (this.#isAlive) fn() }),
    }
  }

  /** Connections of this process to `db`, which outlives it. */
  database<Tables>(db: Database<Tables>): Database<Tables> {
    return {
      dialect: db.dialect,
      get statements() { return db.statements },
      read: fn => this.#isAlive ? this.hold(db.read(fn)) : never(),
      write: fn => this.#isAlive ? this.hold(db.write(async tx => {
        const result = await fn(tx)
        if (!this.#isAlive) throw new Error('the process died before it could commit')
        return result
      })) : never(),
      close: async () => {},
    }
  }

  /** This process at `bus`. */
  transport(bus: Transport): Transport {
    return {
      serve: (contract, target, implementation, options) => this.#closing(bus.serve(contract, target, implementation, options)),
      request: async message => {
        if (!this.#isAlive) return never()
        if (!this.cutOff) return this.hold(bus.request(message))
        await this.clock.sleep(message.deadlineMs)
        throw new Fault('unavailable', 'rpc.deadline', `${message.contract}.${message.method} at ${message.target} did not answer within ${message.deadlineMs} ms`)
      },
      cast: message => { if (this.#isAlive && !this.cutOff) bus.cast(message) },
      spokenBy: (contract, target) => bus.spokenBy(contract, target),
      heardAgo: ms => bus.heardAgo(ms),
    }
  }

  #closing(serving: Serving): Serving {
    const close = () => { void serving.close() }
    this.#endings.add(close)
    return {
      close: () => {
        this.#endings.delete(close)
        return serving.close()
      },
    }
  }

  /** `thing`, whose asynchronous methods answer as long as the process lives. `before` is called with the method's name and may throw, or give what follows the work. */
  holding<T extends object>(thing: T, before: (method: string) => (() => void) | undefined = () => undefined): T {
    return new Proxy(thing, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function' || typeof name !== 'string') return value
        return (...args: unknown[]): unknown => {
          if (!this.#isAlive) return never()
          if (value.constructor.name !== 'AsyncFunction') return Reflect.apply(value, target, args) as unknown
          return this.hold((async () => {
            const after = before(name)
            const result = await (Reflect.apply(value, target, args) as Promise<unknown>)
            after?.()
            return result
          })())
        }
      },
    })
  }

  /** How others reach what `fetch` carries here: a request that has no answer when the process dies fails as a broken connection does. */
  reached(fetch: Fetch): Fetch {
    return async request => {
      const answer = await this.#whileAlive(fetch(request))
      return { status: answer.status, headers: answer.headers, body: answer.body, text: () => this.#whileAlive(answer.text()), json: () => this.#whileAlive(answer.json()) } satisfies FetchResponse
    }
  }

  /** How this process reaches others by `fetch`. */
  reaching(fetch: Fetch): Fetch {
    return async request => {
      if (!this.#isAlive) return never()
      if (this.cutOff) throw unreachable(request.url)
      return this.hold(fetch(request))
    }
  }

  #whileAlive<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = () => reject(unreachable(this.name))
      if (!this.#isAlive) { promise.catch(() => {}); end(); return }
      this.#endings.add(end)
      promise.then(resolve, reject).finally(() => this.#endings.delete(end))
    })
  }
}

function unreachable(what: string): Fault {
  return new Fault('unavailable', 'http.unreachable', `${what} could not be reached`)
}

function never<T>(): Promise<T> {
  return new Promise(() => {})
}
