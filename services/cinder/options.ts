// Cinder's options.
import { option, section } from '@alto/kit/config'

export const cinderOptions = section('cinder', [
  option({ name: 'default_volume_type', type: 'string', default: '__DEFAULT__', meaning: 'The type of volumes for which none is named.', upstream: '[DEFAULT] default_volume_type' }),
  option({ name: 'storage_availability_zone', type: 'string', default: 'nova', meaning: 'The availability zone of volumes.', upstream: '[DEFAULT] storage_availability_zone' }),
  option({ name: 'osapi_max_limit', type: 'integer', default: 1000, min: 1, meaning: 'Things on one page of a list at most.', upstream: '[DEFAULT] osapi_max_limit' }),
  option({ name: 'service_down_time', type: 'integer', default: 60, min: 1, meaning: 'Seconds of silence after which a volume host counts as down.', upstream: '[DEFAULT] service_down_time' }),
  option({ name: 'nbd_ports', type: 'string', default: '10809-11808', meaning: 'TCP ports, first and last, at which a volume host serves volumes to servers of other hosts: one for each such attachment.' }),
  option({ name: 'step_deadline_seconds', type: 'integer', default: 300, min: 1, meaning: 'Seconds without progress after which a volume or snapshot that is being made, grown, uploaded or removed is in its error status.' }),
])
