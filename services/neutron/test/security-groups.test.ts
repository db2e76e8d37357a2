import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neutronAlone } from './cloud.ts'

const ADMIN = { as: 'a:admin,member,reader' }
const type = (answer: { status: number, body: { NeutronError?: { type: string } } }) => [answer.status, answer.body?.NeutronError?.type]

test('a project has one default group, however many look at once; it lets everything out and its members in', async () => {
  await using cloud = await neutronAlone()
  const lists = await Promise.all([1, 2, 3].map(() => cloud.ask('GET', '/v2.0/security-groups')))
  assert.deepEqual(lists.map(list => list.body.security_groups.length), [1, 1, 1])
  const [group] = lists[0]!.body.security_groups
  assert.deepEqual(group.security_group_rules.map((rule: Record<string, unknown>) => [rule['direction'], rule['ethertype'], rule['remote_group_id'], rule['belongs_to_default_sg']]).toSorted(), [
    ['egress', 'IPv4', null, true], ['egress', 'IPv6', null, true], ['ingress', 'IPv4', group.id, true], ['ingress', 'IPv6', group.id, true],
  ])
  assert.deepEqual(type(await cloud.ask('POST', '/v2.0/security-groups', { security_group: { name: 'default' } })), [409, 'SecurityGroupDefaultAlreadyExists'])
  assert.deepEqual(type(await cloud.ask('DELETE', `/v2.0/security-groups/${group.id}`)), [409, 'SecurityGroupCannotRemoveDefault'])
  assert.deepEqual(await cloud.neutron.audit(), [])
})

test('rules that make no sense are refused in upstream\'s words; the same rule is made once', async () => {
  await using cloud = await neutronAlone()
  const { id: security_group_id } = await cloud.make('security_group', { name: 'web' })
  const ask = (rule: Record<string, unknown>) => cloud.ask('POST', '/v2.0/security-group-rules', { security_group_rule: { security_group_id, direction: 'ingress', ...rule } })
  for (const [rule, status, name] of [
    [{ protocol: 'tcp', port_range_min: 80, port_range_max: 22 }, 400, 'SecurityGroupInvalidPortRange'], [{ port_range_min: 1, port_range_max: 2 }, 400, 'SecurityGroupProtocolRequiredWithPorts'],
    [{ protocol: 'icmp', port_range_max: 3 }, 400, 'SecurityGroupMissingIcmpType'], [{ protocol: 'icmp', port_range_min: 256 }, 400, 'SecurityGroupInvalidIcmpValue'],
    [{ protocol: 'tcp', port_range_min: -16, port_range_max: 80 }, 400, 'SecurityGroupInvalidPortValue'], [{ protocol: 'tcp', port_range_min: 80, port_range_max: 65_536 }, 400, 'SecurityGroupInvalidPortValue'],
    [{ protocol: 'icmp', port_range_min: -1, port_range_max: 25 }, 400, 'SecurityGroupInvalidPortValue'], [{ remote_group_id: 'bad_group_id' }, 404, 'SecurityGroupNotFound'],
    [{ protocol: 'cheese' }, 400, 'SecurityGroupRuleInvalidProtocol'], [{ ethertype: 'IPv5' }, 400, 'SecurityGroupRuleInvalidEtherType'],
    [{ remote_ip_prefix: 'fd00::/64' }, 400, 'SecurityGroupRuleParameterConflict'], [{ remote_ip_prefix: '10.0.0.0/8', remote_group_id: security_group_id }, 400, 'SecurityGroupRemoteGroupAndRemoteIpPrefix'],
    [{ remote_group_id: '00000000-0000-4000-8000-000000000000' }, 404, 'SecurityGroupNotFound'], [{ direction: 'sideways' }, 400, 'HTTPBadRequest'],
  ] as const) assert.deepEqual(type(await ask(rule)), [status, name], JSON.stringify(rule))

  const made = await ask({ protocol: 'TCP', port_range_min: 80, port_range_max: 80, remote_ip_prefix: '10.0.0.7/8' })
  assert.deepEqual([made.status, made.body.security_group_rule], [201, {
    id: made.body.security_group_rule.id, tenant_id: 'p', project_id: 'p', description: '', tags: [], revision_number: 1, created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z',
    security_group_id, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 80, port_range_max: 80, remote_ip_prefix: '10.0.0.0/8', normalized_cidr: '10.0.0.0/8',
    remote_group_id: null, remote_address_group_id: null, belongs_to_default_sg: false,
  }])
  assert.deepEqual(type(await ask({ protocol: '6', port_range_min: 80, port_range_max: 80, remote_ip_prefix: '10.0.0.0/8' })), [409, 'SecurityGroupRuleExists'])
  assert.equal((await cloud.ask('GET', `/v2.0/security-group-rules/${made.body.security_group_rule.id}`, undefined, { as: 'q:reader' })).status, 404)
  assert.equal((await cloud.ask('DELETE', `/v2.0/security-group-rules/${made.body.security_group_rule.id}`)).status, 204)
  assert.deepEqual(await cloud.neutron.audit(), [])
})

test('rules reach the hosts of the ports in the group, and a remote group is who is in it now', async () => {
  await using cloud = await neutronAlone()
  const { machine } = await cloud.host('here')
  const { id: network_id } = await cloud.make('network', {})
  await cloud.make('subnet', { network_id, ip_version: 4, cidr: '10.0.0.0/24' })
  const web = await cloud.make('security_group', { name: 'web' })
  const friends = await cloud.make('security_group', { name: 'friends' })
  const port = await cloud.make('port', { network_id, project_id: 'p', security_groups: [web.id], device_id: 's', device_owner: 'compute:nova', 'binding:host_id': 'here' }, ADMIN.as)
  await cloud.make('security_group_rule', { security_group_id: web.id, direction: 'ingress', protocol: 'tcp', port_range_min: 22, port_range_max: 22, remote_group_id: friends.id })
  const far = async () => {
    await cloud.settled()
    return machine.ports.get(port.id)?.filter?.rules.find(rule => rule.direction === 'ingress')?.prefixes
  }
  assert.deepEqual(await far(), [])
  const friend = await cloud.make('port', { network_id, security_groups: [friends.id], fixed_ips: [{ ip_address: '10.0.0.77' }] })
  assert.deepEqual(await far(), ['10.0.0.77/32'])
  assert.deepEqual(type(await cloud.ask('DELETE', `/v2.0/security-groups/${friends.id}`)), [409, 'SecurityGroupInUse'])
  await cloud.ask('DELETE', `/v2.0/ports/${friend.id}`)
  assert.deepEqual(await far(), [])
  assert.equal((await cloud.ask('DELETE', `/v2.0/security-groups/${friends.id}`)).status, 204)
  assert.equal(await far(), undefined)
  assert.deepEqual(await cloud.neutron.audit(), [])
})
