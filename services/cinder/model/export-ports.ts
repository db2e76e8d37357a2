// TCP ports for exports: of each volume host one for each attachment of another host.
import { Fault } from '@alto/kit/errors'

/** The first and the last. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/** Reads `FIRST-LAST` (1–65535). Throws a plain Error for anything else: a wrong configuration, seen at start. */
export function portRange(text: string): PortRange {
  const [first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(text)?.slice(1).map(Number) ?? []
  if (first === undefined || last === undefined || first < 1 || last > 65_535 || first > last) throw new Error(`option nbd_ports is ${JSON.stringify(text)}; it wants FIRST-LAST, ports between 1 and 65535`)
  return { first, last }
}

/** The lowest port of the range that is not taken. Throws Fault unavailable `cinder.export.noPort`. */
export function freePort(host: string, { first, last }: PortRange, taken: ReadonlySet<number>): number {
  for (let port = first; port <= last; port++) if (!taken.has(port)) return port
  throw new Fault('unavailable', 'cinder.export.noPort', `Volume host ${host} has no free port for another attachment from another host; all of ${first}-${last} are taken.`)
}
