// Neutron's tables: JSON in text, booleans 0 and 1, times in milliseconds, addresses as sortable keys (model/address-keys.ts).
import type { Migration, Tx as KitTx } from '@alto/kit/db'
import { STANDARD_COLUMNS, type StandardRow } from './standard.ts'

export interface NetworkRow extends StandardRow {
  name: string
  admin_up: number
  shared: number
  external: number
  is_default: number
  mtu: number
  port_security: number
  network_type: string
  physical_network: string | null
  segmentation_id: number | null
  generation: number
}

export interface SubnetRow extends StandardRow {
  network_id: string
  name: string
  ip_version: number
  cidr: string
  gateway_ip: string | null
  enable_dhcp: number
  ipv6_address_mode: string | null
  ipv6_ra_mode: string | null
  pools: string
  dns: string
  host_routes: string
  service_types: string
}

export interface PortRow extends StandardRow {
  network_id: string
  name: string
  admin_up: number
  status: string
  mac: string
  device_id: string
  device_owner: string
  port_security: number
  allowed_address_pairs: string
  extra_dhcp_opts: string
  dns_name: string
  binding_host: string
  binding_profile: string
  vnic_type: string
  vif_type: string
}

export interface RouterRow extends StandardRow {
  name: string
  admin_up: number
  status: string
  routes: string
  gateway_port_id: string | null
  enable_snat: number
  host: string | null
  generation: number
}

export interface FloatingIpRow extends StandardRow {
  floating_network_id: string
  floating_ip_address: string
  floating_port_id: string
  fixed_port_id: string | null
  fixed_ip_address: string | null
  router_id: string | null
  status: string
}

export interface SecurityGroupRow extends StandardRow {
  name: string
  stateful: number
  is_default: number
}

export interface SecurityGroupRuleRow extends StandardRow {
  security_group_id: string
  direction: string
  ethertype: string
  protocol: string | null
  port_range_min: number | null
  port_range_max: number | null
  remote_ip_prefix: string | null
  remote_group_id: string | null
  rule_key: string
}

export interface HostRow {
  host: string
  kind: string
  resource_id: string
  network_id: string | null
  seq: number
  gone: number
  reported_seq: number
  status: string | null
  reason: string | null
}

/** The rows, as Kysely sees them. */
export interface Tables {
  networks: NetworkRow
  subnets: SubnetRow
  ports: PortRow
  ip_allocations: { subnet_id: string, address_key: string, address: string, port_id: string, network_id: string, position: number }
  routers: RouterRow
  floatingips: FloatingIpRow
  security_groups: SecurityGroupRow
  security_group_rules: SecurityGroupRuleRow
  port_security_groups: { port_id: string, security_group_id: string }
  quota_limits: { project_id: string, resource: string, quota_limit: number }
  quota_usages: { project_id: string, resource: string, used: number }
  agents: { id: string, host: string, binary: string, agent_type: string, admin_up: number, description: string, started_at: number, heartbeat_at: number, created_at: number, incarnation: string, facts: string }
  host_rows: HostRow
  counters: { name: string, value: number }
  idempotency_keys: { key: string, kind: string, resource_id: string }
  server_events: { id: string, name: string, server_id: string, tag: string, created_at: number }
}

export type Tx = KitTx<Tables>

export const migrations: readonly Migration[] = [{
  id: '0001-networking',
  up: [
    `create table networks (${STANDARD_COLUMNS}, name text not null, admin_up integer not null, shared integer not null, external integer not null, is_default integer not null, mtu integer not null,
      port_security integer not null, network_type text not null, physical_network text, segmentation_id integer, generation integer not null)`,
    'create index networks_project on networks (project_id)',
    'create unique index networks_segment on networks (network_type, segmentation_id) where segmentation_id is not null',
    'create unique index networks_default on networks (is_default) where is_default = 1',
    `create table subnets (${STANDARD_COLUMNS}, network_id text not null references networks(id) on delete restrict, name text not null, ip_version integer not null, cidr text not null, gateway_ip text,
      enable_dhcp integer not null, ipv6_address_mode text, ipv6_ra_mode text, pools text not null, dns text not null, host_routes text not null, service_types text not null)`,
    'create index subnets_network on subnets (network_id)',
    'create index subnets_project on subnets (project_id)',
    `create table ports (${STANDARD_COLUMNS}, network_id text not null references networks(id) on delete restrict, name text not null, admin_up integer not null, status text not null, mac text not null,
      device_id text not null, device_owner text not null, port_security integer not null, allowed_address_pairs text not null, extra_dhcp_opts text not null, dns_name text not null,
      binding_host text not null, binding_profile text not null, vnic_type text not null, vif_type text not null)`,
    'create unique index ports_mac on ports (network_id, mac)',
    'create index ports_project on ports (project_id)',
    'create index ports_device on ports (device_id)',
    'create index ports_host on ports (binding_host, network_id)',
    `create table ip_allocations (subnet_id text not null references subnets(id) on delete restrict, address_key text not null, address text not null,
      port_id text not null references ports(id) on delete cascade, network_id text not null, position integer not null, primary key (subnet_id, address_key))`,
    'create index ip_allocations_port on ip_allocations (port_id)',
    'create index ip_allocations_address on ip_allocations (address)',
    `create table routers (${STANDARD_COLUMNS}, name text not null, admin_up integer not null, status text not null, routes text not null,
      gateway_port_id text references ports(id) on delete restrict, enable_snat integer not null, host text, generation integer not null)`,
    'create index routers_project on routers (project_id)',
    'create index routers_gateway on routers (gateway_port_id)',
    `create table floatingips (${STANDARD_COLUMNS}, floating_network_id text not null references networks(id) on delete restrict, floating_ip_address text not null,
      floating_port_id text not null references ports(id) on delete restrict, fixed_port_id text references ports(id) on delete restrict, fixed_ip_address text,
      router_id text references routers(id) on delete restrict, status text not null)`,
    'create index floatingips_project on floatingips (project_id)',
    'create index floatingips_router on floatingips (router_id)',
    'create unique index floatingips_fixed on floatingips (floating_network_id, fixed_port_id, fixed_ip_address) where fixed_port_id is not null',
    `create table security_groups (${STANDARD_COLUMNS}, name text not null, stateful integer not null, is_default integer not null)`,
    'create index security_groups_project on security_groups (project_id)',
    'create unique index security_groups_default on security_groups (project_id) where is_default = 1',
    `create table security_group_rules (${STANDARD_COLUMNS}, security_group_id text not null references security_groups(id) on delete cascade, direction text not null, ethertype text not null,
      protocol text, port_range_min integer, port_range_max integer, remote_ip_prefix text, remote_group_id text references security_groups(id) on delete cascade, rule_key text not null)`,
    'create unique index security_group_rules_key on security_group_rules (security_group_id, rule_key)',
    'create index security_group_rules_remote on security_group_rules (remote_group_id)',
    'create index security_group_rules_project on security_group_rules (project_id)',
    `create table port_security_groups (port_id text not null references ports(id) on delete cascade, security_group_id text not null references security_groups(id) on delete restrict,
      primary key (port_id, security_group_id))`,
    'create index port_security_groups_group on port_security_groups (security_group_id)',
    'create table quota_limits (project_id text not null, resource text not null, quota_limit integer not null, primary key (project_id, resource))',
    'create table quota_usages (project_id text not null, resource text not null, used integer not null, primary key (project_id, resource))',
    `create table agents (id text primary key, host text not null, "binary" text not null, agent_type text not null, admin_up integer not null, description text not null, started_at bigint not null,
      heartbeat_at bigint not null, created_at bigint not null, incarnation text not null, facts text not null)`,
    'create unique index agents_host on agents (host, agent_type)',
    `create table host_rows (host text not null, kind text not null, resource_id text not null, network_id text, seq bigint not null, gone integer not null, reported_seq bigint not null,
      status text, reason text, primary key (host, kind, resource_id))`,
    'create index host_rows_seq on host_rows (host, seq)',
    'create index host_rows_resource on host_rows (resource_id)',
    'create index host_rows_network on host_rows (network_id, host)',
    'create table counters (name text primary key, value bigint not null)',
    "insert into counters (name, value) values ('change', 0), ('database_epoch', 0)",
    'create table idempotency_keys (key text primary key, kind text not null, resource_id text not null)',
    'create index idempotency_keys_resource on idempotency_keys (resource_id)',
    'create table server_events (id text primary key, name text not null, server_id text not null, tag text not null, created_at bigint not null)',
  ],
}, {
  id: '0002-placement',
  up: ['create index ports_owner on ports (device_owner, binding_host)', 'create index routers_host on routers (host)'],
}]
