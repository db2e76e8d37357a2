// IP addresses and prefixes (CIDRs) as numbers: parsing, printing in the canonical form, containment, ranges.
// Own code because containment, ranges and sums need the number, and upstream's canonical text (RFC 5952) is part of the API.
import { isIPv4, isIPv6 } from 'node:net'
import { Fault } from '@alto/kit/errors'

/** 4 or 6. */
export type IpVersion = 4 | 6

/** An address as an unsigned number of 32 or 128 bits. */
export interface Address {
  readonly version: IpVersion
  readonly value: bigint
}

/** A block of addresses; `value` is its first, its host bits are zero. */
export interface Prefix extends Address {
  readonly length: number
}

/** How many bits an address of the version has. */
export function bitsOf(version: IpVersion): number {
  return version === 4 ? 32 : 128
}

/** The address, or undefined when the text is none. Zones (`%eth0`) are refused. */
export function tryAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { version: 4, value: text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n) }
  if (!isIPv6(text) || text.includes('%')) return undefined
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text)
  const hex = dotted ? `${dotted[1]}${word(dotted[2]!, dotted[3]!)}:${word(dotted[4]!, dotted[5]!)}` : text
  const [left = '', right] = hex.split('::')
  const groups = (side: string) => side === '' ? [] : side.split(':')
  const [head, tail] = [groups(left), groups(right ?? '')]
  const all = right === undefined ? head : [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail]
  return { version: 6, value: all.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n) }
}

/** The address. Throws Fault('badRequest', 'neutron.address.invalid'). */
export function parseAddress(text: string): Address {
  const address = tryAddress(text)
  if (!address) throw new Fault('badRequest', 'neutron.address.invalid', `'${text}' is not a valid IP address.`)
  return address
}

/** The canonical text: dotted, or RFC 5952 (lower case, the longest run of zeros shortened). */
export function formatAddress({ version, value }: Address): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map(shift => (value >> shift) & 255n).join('.')
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 65535n).toString(16))
  const runs = [...groups.map(g => g === '0' ? '0' : '-').join('').matchAll(/0{2,}/g)].toSorted((a, b) => b[0].length - a[0].length || a.index - b.index)
  const longest = runs[0]
  if (!longest) return groups.join(':')
  return `${groups.slice(0, longest.index).join(':')}::${groups.slice(longest.index + longest[0].length).join(':')}`
}

/** The prefix, or undefined when the text is none; an address alone is a prefix of full length, host bits are dropped. */
export function tryPrefix(text: string): Prefix | undefined {
  const [base = '', suffix, more] = text.split('/')
  const address = tryAddress(base)
  if (!address || more !== undefined || (suffix !== undefined && !/^\d{1,3}$/.test(suffix))) return undefined
  const length = suffix === undefined ? bitsOf(address.version) : Number(suffix)
  return length <= bitsOf(address.version) ? prefixOf(address, length) : undefined
}

/** The prefix. Throws Fault('badRequest', 'neutron.prefix.invalid'). */
export function parsePrefix(text: string): Prefix {
  const prefix = tryPrefix(text)
  if (!prefix) throw new Fault('badRequest', 'neutron.prefix.invalid', `'${text}' is not a valid IP subnet.`)
  return prefix
}

/** The block of `length` bits that the address is in. */
export function prefixOf({ version, value }: Address, length: number): Prefix {
  const host = BigInt(bitsOf(version) - length)
  return { version, value: (value >> host) << host, length }
}

/** `10.0.0.0/24`. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`
}

/** The last address of the block (an IPv4 subnet's broadcast address). */
export function lastOf(prefix: Prefix): Address {
  return { version: prefix.version, value: prefix.value + (1n << BigInt(bitsOf(prefix.version) - prefix.length)) - 1n }
}

/** The address `n` further on. */
export function plus({ version, value }: Address, n: bigint | number): Address {
  return { version, value: value + BigInt(n) }
}

/** True when the block holds the address. */
export function holds(prefix: Prefix, address: Address): boolean {
  return prefix.version === address.version && prefixOf(address, prefix.length).value === prefix.value
}

/** True when every address of `inner` is in `outer`. */
export function covers(outer: Prefix, inner: Prefix): boolean {
  return inner.length >= outer.length && holds(outer, inner)
}

/** True when the blocks have an address in common. */
export function overlaps(a: Prefix, b: Prefix): boolean {
  return covers(a, b) || covers(b, a)
}

/** The smallest set of prefixes with the same addresses, sorted: what is inside another goes, halves of one block are joined. */
export function aggregate(prefixes: readonly Prefix[]): Prefix[] {
  const out: Prefix[] = []
  for (const prefix of prefixes.toSorted((a, b) => a.version - b.version || compare(a.value, b.value) || a.length - b.length)) {
    const last = out.at(-1)
    if (last && covers(last, prefix)) continue
    out.push(prefix)
    for (;;) {
      const [a, b] = out.slice(-2)
      if (!a || !b || a.length !== b.length || a.length === 0 || !covers(prefixOf(a, a.length - 1), b)) break
      out.splice(-2, 2, prefixOf(a, a.length - 1))
    }
  }
  return out
}

/** The addresses of `from` that are not in `without`, as the smallest set of prefixes. */
export function subtract(from: readonly Prefix[], without: readonly Prefix[]): Prefix[] {
  const rest = (prefix: Prefix): Prefix[] => {
    const hit = without.filter(other => overlaps(prefix, other))
    if (hit.length === 0) return [prefix]
    if (hit.some(other => covers(other, prefix))) return []
    const half = { ...prefix, length: prefix.length + 1 }
    return [half, { ...half, value: half.value + (1n << BigInt(bitsOf(prefix.version) - half.length)) }].flatMap(rest)
  }
  return aggregate(aggregate(from).flatMap(rest))
}

/** What an IPv4 or IPv6 subnet gives to ports when no pools were named: all but its network, broadcast and gateway addresses, as ranges. */
export function defaultPools(prefix: Prefix, gateway?: Address): { first: Address, last: Address }[] {
  const whole = bitsOf(prefix.version) - prefix.length <= 1
  const first = whole ? prefix.value : prefix.value + 1n
  const last = lastOf(prefix).value - (whole || prefix.version === 6 ? 0n : 1n)
  const range = (from: bigint, to: bigint) => from > to ? [] : [{ first: { version: prefix.version, value: from }, last: { version: prefix.version, value: to } }]
  if (!gateway || gateway.value < first || gateway.value > last) return range(first, last)
  return [...range(first, gateway.value - 1n), ...range(gateway.value + 1n, last)]
}

/** The link-local address that a MAC gives by modified EUI-64 (RFC 4291, appendix A). */
export function linkLocalOf(mac: string): string {
  const bytes = mac.split(':').map(part => Number.parseInt(part, 16))
  const eui = [bytes[0]! ^ 2, bytes[1]!, bytes[2]!, 0xff, 0xfe, bytes[3]!, bytes[4]!, bytes[5]!]
  return formatAddress({ version: 6, value: eui.reduce((sum, byte) => sum * 256n + BigInt(byte), 0xfe80n << 48n) })
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function word(high: string, low: string): string {
  return (Number(high) * 256 + Number(low)).toString(16)
}
