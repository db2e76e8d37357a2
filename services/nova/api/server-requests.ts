// A create body in our own words.
import { t } from '@alto/kit/http'
import { accessAddress } from '../model/access-addresses.ts'
import { invalid } from '../model/faults.ts'
import type { BlockDevice, ServerRequest } from '../model/requests.ts'
import { atLeast, type Version } from './parts.ts'

type Like<T> = T | string

/** The body of POST /servers at any version. */
export interface CreateBody {
  server: {
    name: string, imageRef?: string, flavorRef: string | number, adminPass?: string, metadata?: Record<string, string>, 'OS-DCF:diskConfig'?: 'AUTO' | 'MANUAL', accessIPv4?: string, accessIPv6?: string
    availability_zone?: string, config_drive?: Like<boolean>, key_name?: string, min_count?: Like<number>, max_count?: Like<number>, return_reservation_id?: Like<boolean>, security_groups?: { name: string }[]
    user_data?: string | null, block_device_mapping?: DeviceBody[], block_device_mapping_v2?: DeviceBody[], networks?: 'auto' | 'none' | { uuid?: string, port?: string | null, fixed_ip?: string, tag?: string }[]
    personality?: unknown[], description?: string | null, tags?: string[], trusted_image_certificates?: string[] | null, host?: string, hypervisor_hostname?: string, hostname?: string
  }
  'os:scheduler_hints'?: Record<string, unknown>
  'OS-SCH-HNT:scheduler_hints'?: Record<string, unknown>
}

interface DeviceBody {
  no_device?: unknown, source_type?: BlockDevice['source'], destination_type?: 'local' | 'volume', uuid?: string, image_id?: string, boot_index?: Like<number> | null, volume_size?: Like<number> | null, device_name?: string | null
  delete_on_termination?: Like<boolean>, volume_id?: string, snapshot_id?: string, tag?: string, volume_type?: string | null
}

/** What is asked for. Throws Fault badRequest for what a schema cannot tell. */
export function requestOf(body: CreateBody, version: Version): ServerRequest & { adminPass: string | undefined, returnReservationId: boolean } {
  const { server: s } = body
  const hints = body['os:scheduler_hints'] ?? body['OS-SCH-HNT:scheduler_hints'] ?? {}
  const min = s.min_count === undefined ? 1 : t.asInteger(s.min_count)
  const max = s.max_count === undefined ? min : t.asInteger(s.max_count)
  if (min < 1 || max < 1) throw invalid('count', 'min_count and max_count must be at least 1')
  if (min > max) throw invalid('count', 'min_count must be <= max_count')
  if (s.personality?.length) throw invalid('personality', 'Files cannot be injected into servers of this cloud. Use user_data, or the metadata service.')
  if (s.trusted_image_certificates?.length) throw invalid('trustedCertificates', 'Image signatures are not verified by this cloud: trusted_image_certificates cannot be given.')
  if (given(s.user_data) && !isBase64(s.user_data)) throw invalid('userData', 'Userdata content cannot be decoded: it must be base64.')
  if (s.hostname !== undefined && max > 1 && !atLeast(version, 2, 90)) throw invalid('hostname', 'hostname is not for this microversion')
  if (s.block_device_mapping?.length && s.block_device_mapping_v2?.length) throw invalid('blockDevice', 'Using different block_device_mapping syntaxes is not allowed in the same request.')
  if (s.imageRef !== undefined && s.imageRef !== '' && !/^[0-9a-f-]{32,36}$/i.test(imageId(s.imageRef))) throw invalid('image.invalid', 'Invalid imageRef provided.')
  return {
    name: s.name.trim(), description: s.description ?? (atLeast(version, 2, 19) ? null : s.name.trim()), ...(s.hostname !== undefined && { hostname: s.hostname }), imageId: s.imageRef === undefined || s.imageRef === '' ? null : imageId(s.imageRef),
    flavorId: String(s.flavorRef).split('/').at(-1)!, networks: networksOf(s.networks), securityGroups: [...new Set((s.security_groups ?? []).map(one => one.name))], keyName: s.key_name ?? null, userData: s.user_data ?? null,
    metadata: s.metadata ?? {}, configDrive: s.config_drive === undefined ? false : t.asBoolean(s.config_drive), zone: s.availability_zone ?? null, ...(s.host !== undefined && { host: s.host }),
    ...(s.hypervisor_hostname !== undefined && { hypervisorHostname: s.hypervisor_hostname }), blockDevices: [...(s.block_device_mapping ?? []).map(legacyDevice), ...(s.block_device_mapping_v2 ?? []).map(deviceOf)],
    ...(s.block_device_mapping?.length && { hasLegacyDevices: true }),
    min, max, diskConfig: s['OS-DCF:diskConfig'] ?? 'MANUAL', accessIpV4: accessAddress(s.accessIPv4, 4) ?? null, accessIpV6: accessAddress(s.accessIPv6, 6) ?? null, tags: [...new Set(s.tags ?? [])].toSorted(), hints,
    adminPass: s.adminPass, returnReservationId: s.return_reservation_id === undefined ? false : t.asBoolean(s.return_reservation_id),
  }
}

function networksOf(networks: CreateBody['server']['networks']): ServerRequest['networks'] {
  if (networks === undefined || typeof networks === 'string') return networks
  return networks.map(one => {
    if (!given(one.port) && one.uuid === undefined) throw invalid('network', 'Bad networks format: a network needs a uuid or a port.')
    if (!given(one.port) && !/^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(one.uuid!)) throw invalid('network', `Bad networks format: network uuid is not in proper format (${one.uuid})`)
    return { ...(given(one.port) ? { portId: one.port } : { networkId: one.uuid! }), ...(one.fixed_ip !== undefined && !given(one.port) && { fixedIp: one.fixed_ip }), ...(one.tag !== undefined && { tag: one.tag }) }
  })
}

function deviceOf(one: DeviceBody): BlockDevice {
  const device = given(one.device_name) && one.device_name !== '' && { device: one.device_name.startsWith('/dev/') ? one.device_name : `/dev/${one.device_name}` }
  if (given(one.no_device) && one.no_device !== false && one.no_device !== '') return { source: 'blank', destination: 'volume', bootIndex: null, deleteOnTermination: false, isAbsent: true, ...device }
  const source = one.source_type ?? (one.volume_id === undefined ? one.snapshot_id === undefined ? 'blank' : 'snapshot' : 'volume')
  const id = one.uuid ?? one.volume_id ?? one.snapshot_id ?? one.image_id
  if (source !== 'blank' && id === undefined) throw invalid('blockDevice', 'Block Device Mapping is Invalid: Missing device UUID.')
  const bootIndex = one.boot_index === undefined || one.boot_index === null ? null : t.asInteger(one.boot_index)
  return {
    source, destination: one.destination_type ?? (source === 'volume' || source === 'snapshot' ? 'volume' : 'local'), ...(id !== undefined && { id }), bootIndex: bootIndex !== null && bootIndex < 0 ? null : bootIndex,
    ...(given(one.volume_size) && { size: t.asInteger(one.volume_size) }), ...device,
    deleteOnTermination: one.delete_on_termination === undefined ? false : t.asBoolean(one.delete_on_termination), ...(one.tag !== undefined && { tag: one.tag }), ...(given(one.volume_type) && { volumeType: one.volume_type }),
  }
}

/** The first form of block devices: the one called vda is what the server boots from. */
function legacyDevice(one: DeviceBody): BlockDevice {
  return deviceOf({ ...one, boot_index: /^(\/dev\/)?[vs]da$/.test(one.device_name ?? '') ? 0 : null })
}

function given<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined
}

function imageId(ref: string): string {
  return ref.split('/').at(-1)!
}

function isBase64(text: string): boolean {
  const clean = text.replaceAll(/\s/g, '')
  return clean.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(clean)
}
