// Which bytes of an image a Range header asks for (RFC 9110, section 14.2).
import { Fault } from '@alto/kit/errors'

/** Bytes `start` … `end`, both included. */
export interface ByteRange { start: number, end: number }

/**
 * The one range that `header` names of `size` bytes; undefined when there is no header or it is in another unit.
 * Throws Fault('rangeNotSatisfiable') for several ranges, and for one that has no byte of the image.
 */
export function readRange(header: string | undefined, size: number): ByteRange | undefined {
  const spec = header === undefined ? undefined : /^bytes=(.*)$/i.exec(header.trim())?.[1]
  if (spec === undefined) return undefined
  if (spec.includes(',')) throw unsatisfiable('Requests with multiple ranges are not supported in Glance. The request has more than one.', size)
  const [, first = '', last = ''] = /^\s*(\d{0,16})\s*-\s*(\d{0,16})\s*$/.exec(spec) ?? []
  if (first === '' && last === '') throw unsatisfiable(`The byte range passed in the 'Range' header is not a range.`, size)
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (start > end || start >= size) throw unsatisfiable(`The byte range passed in the 'Range' header did not match any available byte range in the current file`, size)
  return { start, end }
}

function unsatisfiable(message: string, size: number): Fault {
  return new Fault('rangeNotSatisfiable', 'glance.range', message, { detail: { size } })
}
