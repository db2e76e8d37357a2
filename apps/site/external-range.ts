// The external network's addresses: 172.24.4.0/24 as DevStack has it, or the next /24 that nobody on this machine uses.
import { networkInterfaces } from 'node:os'
import { isIPv4 } from 'node:net'

const FIRST = [172, 24, 4] as const

/** The range where nothing stands in its way. */
export const USUAL_RANGE = `${FIRST.join('.')}.0/24`

/** The range, given the addresses that this machine's interfaces have (CIDRs); ours from an earlier start does not count. */
export function freeExternalRange(taken: readonly string[]): string {
  for (let third: number = FIRST[2]; third < 256; third++) {
    const range = `${FIRST[0]}.${FIRST[1]}.${third}.0/24`
    if (!taken.some(other => overlaps(range, other))) return range
  }
  throw new Error('every /24 of 172.24.0.0/16 above 172.24.4.0 is in use on this machine')
}

/** CIDRs of this machine's own addresses. */
export function machineRanges(): string[] {
  return Object.values(networkInterfaces()).flatMap(list => (list ?? []).filter(a => a.family === 'IPv4' && a.cidr !== null).map(a => a.cidr!))
}

function overlaps(a: string, b: string): boolean {
  const [[x, xBits], [y, yBits]] = [parse(a), parse(b)]
  const bits = Math.min(xBits, yBits)
  return bits === 0 || x >>> (32 - bits) === y >>> (32 - bits)
}

function parse(cidr: string): [number, number] {
  const [address = '', bits = '32'] = cidr.split('/')
  if (!isIPv4(address)) return [0, 33]
  return [address.split('.').reduce((n, part) => (n << 8 | Number(part)) >>> 0, 0), Number(bits)]
}
