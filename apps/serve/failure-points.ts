// Experiments with failures: whoever listens on a unix socket is told each point that a task reaches, and the task goes on when it says so.
// What happens meanwhile is the listener's: it may kill this process, an agent, a guest, the database or the bus, and knows exactly where.
import { once } from 'node:events'
import { connect } from 'node:net'
import { messageOf } from '@alto/kit/errors'
import type { Log } from '@alto/kit/log'
import type { TaskPoint } from '@alto/kit/task'

/** A point as it is told: one line of JSON. `process` is who reached it. */
export interface ToldPoint extends TaskPoint {
  readonly process: string
  readonly service: string
}

/** Hooks for the task runners of `process`, by service. Nobody at `path`, or one who ends without an answer: tasks go on, and a warning is logged. */
export function failurePoints(path: string, process: string, log: Log): (service: string) => (point: TaskPoint) => Promise<void> {
  return service => async point => {
    const told: ToldPoint = { process, service, ...point }
    const socket = connect(path)
    try {
      await once(socket, 'connect')
      socket.write(`${JSON.stringify(told)}\n`)
      const gone = once(socket, 'close').then(() => { throw new Error('the listener ended without an answer') })
      await Promise.race([once(socket, 'data'), gone])
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'nobody was told of a failure point')
    } finally {
      socket.destroy()
    }
  }
}
