// The addresses that an owner notes on a server for others to reach it by. Nothing is done with them.
import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { invalid } from './faults.ts'

/** The address of that version in its shortest text (RFC 5952); null for an empty text, undefined for none. Throws Fault badRequest for anything else. */
export function accessAddress(text: string | null | undefined, version: 4 | 6): string | null | undefined {
  if (text === undefined) return undefined
  if (text === null || text === '') return null
  if (text.includes('%') || !(version === 4 ? isIPv4(text) : isIPv6(text))) throw invalid('accessAddress', `Invalid input for field/attribute accessIPv${version}. Value: ${text}. '${text}' is not a 'ipv${version}'`)
  return new SocketAddress({ address: text, family: `ipv${version}` }).address
}
