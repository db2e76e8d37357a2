// What a list's query means, and what upstream says of one that means nothing.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { isFault } from '@alto/kit/errors'
import { readListing } from './listing.ts'

const read = (query: string) => readListing(new URLSearchParams(query), { otherwise: 25, most: 1000 })
const said = (query: string) => {
  try {
    read(query)
  } catch (error) {
    if (isFault(error) && error.kind === 'badRequest') return error.message
    throw error
  }
  return 'accepted'
}
/** The filter beside the one on hidden images, which is always there. */
const filter = (query: string) => read(query).filters.find(one => one.kind !== 'flag' || one.column !== 'os_hidden')
const at = (text: string) => Date.parse(text)

test('a filter takes the operators of its attribute, and a property whatever it is', () => {
  const text = (...anyOf: string[]) => ({ kind: 'text', column: 'name', anyOf })
  const cases: [string, unknown][] = [
    ['name=web', text('web')], ['name=eq:web', text('web')], ['name=in:a,b', text('a', 'b')], ['name=in:"a,b",c', text('a,b', 'c')], ['name=in:"g,\\"h"', text('g,\\"h')], ['name=in:a,,b', text('a', '', 'b')], ['name=in:', text()],
    ['name=2026-01-31T12:00:00Z', text('2026-01-31T12:00:00Z')], ['name=a&name=b', text('b')], ['name=', text('')],
    ['owner=neq:x', { kind: 'text', column: 'owner', anyOf: ['neq:x'] }], ['colour=in:red', { kind: 'property', name: 'colour', value: 'in:red' }], ['colour_min=1', { kind: 'property', name: 'colour_min', value: '1' }], ['stores=file', { kind: 'property', name: 'stores', value: 'file' }],
    ['size_min=+5', { kind: 'range', column: 'size', atLeast: 5, atMost: undefined }], ['min_ram_max=-1', { kind: 'range', column: 'min_ram', atLeast: undefined, atMost: -1 }], ['virtual_size=7', { kind: 'number', column: 'virtual_size', value: 7 }],
    ['protected=true', { kind: 'flag', column: 'protected', value: true }], ['tag=%20x%20', { kind: 'tag', tag: 'x' }], ['deleted=true', undefined],
  ]
  for (const [query, expected] of cases) assert.deepEqual(filter(query), expected, query)
  assert.deepEqual(read('tag=a&tag=b').filters.filter(one => one.kind === 'tag'), [{ kind: 'tag', tag: 'a' }, { kind: 'tag', tag: 'b' }])
  assert.deepEqual(read('os_hidden=TRUE').filters, [{ kind: 'flag', column: 'os_hidden', value: true }])
})

test('times are ISO 8601 in its usual spellings, and a second is equal to itself', () => {
  const time = (from: number | undefined, before: number | undefined, except = false) => ({ kind: 'time', column: 'created_at', from, before, except })
  const noon = at('2026-01-31T12:00:00Z'), second = 1000
  for (const written of ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00', '2026-01-31 12:00', '20260131T120000Z', '2026-01-31T14:00:00%2B02:00', '2026-01-31T08:30-0330']) assert.deepEqual(filter(`created_at=${written}`), time(noon, noon + second), written)
  for (const [operator, expected] of [['gt', time(noon + second, undefined)], ['gte', time(noon, undefined)], ['lt', time(undefined, noon)], ['lte', time(undefined, noon + second)], ['eq', time(noon, noon + second)], ['neq', time(noon, noon + second, true)]] as const) {
    assert.deepEqual(filter(`created_at=${operator}:2026-01-31T12:00:00Z`), expected, operator)
  }
  assert.deepEqual(filter('created_at=gte:2026-02'), time(at('2026-02-01T00:00:00Z'), undefined))
  assert.deepEqual(filter('created_at=gte:2026-02-01T00:00:00.25Z'), time(at('2026-02-01T00:00:00.250Z'), undefined))
})

test('an order is given in one of two ways, and ends with what makes it total', () => {
  const order = (query: string) => read(query).sort.map(key => `${key.column}:${key.direction}`).join(' ')
  for (const [query, expected] of [
    ['', 'created_at:desc id:desc'], ['sort=name', 'name:desc created_at:desc id:desc'], ['sort=name:', 'name:desc created_at:desc id:desc'], ['sort=%20name%20:%20asc', 'name:asc created_at:asc id:asc'], ['sort=name:asc,size:desc', 'name:asc size:desc created_at:desc id:desc'],
    ['sort=name,name:asc', 'name:desc created_at:desc id:desc'], ['sort_key=name&sort_key=size&sort_dir=asc', 'name:asc size:asc created_at:asc id:asc'], ['sort_key=name&sort_key=size&sort_dir=asc&sort_dir=desc', 'name:asc size:desc created_at:desc id:desc'],
    ['sort_dir=asc', 'created_at:asc id:asc'], ['sort_key=id&sort_dir=asc', 'id:asc created_at:asc'],
  ] as const) assert.equal(order(query), expected, query)
})

test('a query that means nothing is refused in upstream\'s words', () => {
  const keys = 'It must be one of the following: name, status, container_format, disk_format, size, id, created_at, updated_at.'
  for (const [query, words] of [
    ['name=neq:a', "Unable to filter by unknown operator 'neq'."], ['status=gt:active', "Unable to filter by unknown operator 'gt'."],
    ['name=in:"a', 'Invalid filter value "a. The quote is not closed.'], ['name=in:a"b"', 'Invalid filter value a"b". There is no comma before opening quotation mark.'], ['name=in:"a"b', 'Invalid filter value "a"b. There is no comma after closing quotation mark.'],
    ['created_at=yesterday', 'Bad "created_at" query filter format. Use ISO 8601 DateTime notation.'], ['updated_at=gt:2026-02-30T00:00:00Z', 'Bad "updated_at" query filter format. Use ISO 8601 DateTime notation.'], ['created_at=near:2026-01-31T12:00:00Z', 'Unable to filter on a unknown operator.'],
    ['size_min=many', 'Unable to filter on a range with a non-numeric value.'], ['size=many', 'Invalid value many for size. It must be an integer.'],
    ['os_hidden=1', "Invalid value '1' for 'os_hidden' filter. Valid values are 'true' or 'false'."], ['protected=True', "Invalid value 'True' for 'protected' filter. Valid values are 'true' or 'false'."],
    ['visibility=secret', 'Invalid visibility value: secret'], ['member_status=maybe', 'Invalid status: maybe'], ['changes-since=2026-01-01', 'The "changes-since" filter is no longer available on v2.'],
    ['limit=x', 'limit param must be an integer'], ['limit=1.5', 'limit param must be an integer'], ['limit=-1', 'limit param must be positive'],
    ['sort=owner', `Invalid sort key: owner. ${keys}`], ['sort_key=', `Invalid sort key: . ${keys}`], ['sort=name:up', 'Invalid sort direction: up'], ['sort=name:asc:desc', 'Invalid sort direction: asc:desc'], ['sort_key=name&sort_dir=up', 'Invalid sort direction: up'],
    ['sort=name&sort_dir=asc', 'Old and new sorting syntax cannot be combined'], ['sort_dir=asc&sort_dir=asc', 'Number of sort dirs does not match the number of sort keys'],
  ] as const) assert.equal(said(query), words, query)
})

test('a page has as many images as are asked for, and no more than the operator allows', () => {
  assert.deepEqual(['', 'limit=7', 'limit=%207', 'limit=+7', 'limit=5000', 'limit=0'].map(query => read(query).limit), [25, 7, 7, 7, 1000, 0])
})
