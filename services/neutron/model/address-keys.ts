// Addresses as text whose order is the addresses' order, so that an index can answer "which is taken between these two?".
import type { Address } from './addresses.ts'

/** 8 or 32 hexadecimal digits. Keys of one version sort as the addresses do. */
export function keyOf(address: Address): string {
  return address.value.toString(16).padStart(address.version === 4 ? 8 : 32, '0')
}
