// Which addresses are public: what a user names may be reached there, and nowhere else unless an administrator allows the range.
//
// IPv4: everything but the special-purpose blocks (IANA's registry of RFC 6890). IPv6: global unicast (2000::/3) only, without documentation and what embeds
// IPv4 (6to4, Teredo); so unique local, link-local, multicast, NAT64 and IPv4-compatible addresses are out. An IPv4-mapped address is looked at as IPv4.
import { BlockList, isIP } from 'node:net'

const RESERVED4 = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24',
  '192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4', '168.63.129.16/32',
]
const GLOBAL6 = ['2000::/3']
const RESERVED6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']

const reserved = rangesOf([...RESERVED4, ...RESERVED6])
const unicast6 = rangesOf(GLOBAL6)

/** Ranges (`10.0.0.0/8`, `fd00::/8`, or one address) as a set. Throws an Error for what is none. */
export function rangesOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/')
    const family = isIP(address)
    const most = family === 6 ? 128 : 32
    const length = prefix === undefined ? most : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1
    if (family === 0 || length < 0 || length > most) throw new Error(`${range} is no range of addresses`)
    list.addSubnet(address, length, family === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

/** True for an address that may be reached: a public one, or one of `allowed`. False for what is no address. */
export function isReachable(address: string, allowed: BlockList): boolean {
  const plain = unmapped(address)
  const family = isIP(plain)
  if (family === 0 || plain.includes('%')) return false
  const type = family === 6 ? 'ipv6' : 'ipv4'
  if (allowed.check(plain, type)) return true
  return !reserved.check(plain, type) && (family === 4 || unicast6.check(plain, 'ipv6'))
}

/** The IPv4 address in an IPv4-mapped one (`::ffff:7f00:1`, `::ffff:127.0.0.1`); any other text as it is. */
function unmapped(address: string): string {
  if (isIP(address) !== 6 || address.includes('%')) return address
  const written = new URL(`http://[${address}]`).hostname.slice(1, -1)         // one spelling of it: ::ffff:7f00:1
  const halves = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(written)
  if (!halves) return address
  const [high, low] = [Number.parseInt(halves[1]!, 16), Number.parseInt(halves[2]!, 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
