import assert from 'node:assert/strict'
import { test } from 'node:test'
import { portCommands, portRemoval, revokedConnections, type PortFilter } from './filters.ts'

const mac = 'fa:16:3e:00:00:01'
const filter: PortFilter = {
  mac, sources: [{ mac, prefix: '10.0.0.5' }, { mac, prefix: '10.0.0.0/24' }],
  rules: [
    { direction: 'ingress', version: 4, protocol: 6, ports: [22, 22], prefixes: ['10.0.0.0/24', '10.0.0.7/32'] },
    { direction: 'ingress', version: 4, protocol: 6, ports: [80, 90], prefixes: [] },
    { direction: 'egress', version: 6 },
  ],
}
const chain = (name: string, port: PortFilter = filter) =>
  portCommands('t', { tap: 'tap1', number: 3, filter: port }).filter(c => c.startsWith(`add rule`) && c.split(' ')[4] === name).map(c => c.split(' ').slice(5).join(' '))

test('prefixes that overlap are joined before the kernel sees them; a rule for nobody is no rule', () => {
  assert.deepEqual(chain('ingress-3').slice(-3), ['ct state invalid drop', 'meta nfproto ipv4 ip saddr { 10.0.0.0/24 } meta l4proto 6 tcp dport 22-22 return', 'drop'])
})

test('everything that no rule names is dropped, of a port without rules or addresses too', () => {
  const bare: PortFilter = { mac, sources: [], rules: [] }
  for (const name of ['ingress-3', 'egress-3', 'from-3']) assert.equal(chain(name, bare).at(-1), 'drop')
  assert.ok(chain('from-3', bare).includes(`ether saddr != { ${mac} } drop`))
})

test('forgeries are dropped before anything is let through', () => {
  const rules = chain('from-3')
  const place = (words: string) => rules.findIndex(rule => rule.includes(words))
  assert.ok(place('ether saddr !=') < place('accept'))
  assert.ok(place('udp sport 67 drop') < place('ip saddr 10.0.0.0/24'))
  assert.ok(place('nd-router-advert') < place('ip6 saddr'))
  assert.equal(rules.some(rule => rule.includes('10.0.0.5')), false, 'the address is inside the pair\'s prefix')
})

test('a port\'s removal names every entry and chain that its making made', () => {
  const words = (commands: readonly string[], verb: string) => commands.filter(c => c.startsWith(verb)).map(c => c.slice(verb.length)).toSorted()
  const made = portCommands('t', { tap: 'tap1', number: 3, filter })
  const gone = portRemoval('t', { tap: 'tap1', number: 3 })
  assert.deepEqual(words(gone, 'delete element '), words(made, 'add element '))
  assert.deepEqual(words(gone, 'delete chain '), words(made, 'add chain '))
})

test('revoked rules name the connections to end: those of the port\'s own addresses, from the rule\'s far side, and no others', () => {
  const now = { ...filter, rules: filter.rules.slice(1) }
  assert.deepEqual(revokedConnections(filter, now), [{ version: 4, address: '10.0.0.5', direction: 'ingress', protocol: 6, far: '10.0.0.0/24' }])
  assert.deepEqual(revokedConnections(filter, filter), [])
})

test('when a member leaves a group, only its own connections end', () => {
  const among = (...prefixes: string[]): PortFilter => ({ ...filter, rules: [{ direction: 'ingress', version: 4, prefixes }] })
  assert.deepEqual(revokedConnections(among('10.0.0.4/31', '10.0.0.9/32'), among('10.0.0.4/32', '10.0.0.9/32')).map(c => c.far), ['10.0.0.5/32'])
  assert.deepEqual(revokedConnections(among('10.0.0.4/32'), { ...filter, rules: [{ direction: 'ingress', version: 4 }] }), [], 'everybody includes them')
  assert.deepEqual(revokedConnections({ ...filter, rules: [{ direction: 'ingress', version: 4 }] }, { ...filter, rules: [] }).map(c => c.far), [undefined])
})
