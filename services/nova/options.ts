// Nova's options.
import { option, section } from '@alto/kit/config'

export const novaOptions = section('nova', [
  option({ name: 'cpu_allocation_ratio', type: 'number', default: 4, min: 0.1, meaning: 'Virtual CPUs that a host offers for each of its own.', upstream: '[DEFAULT] initial_cpu_allocation_ratio' }),
  option({ name: 'ram_allocation_ratio', type: 'number', default: 1, min: 0.1, meaning: 'Memory that a host offers for each MiB of its own.', upstream: '[DEFAULT] initial_ram_allocation_ratio' }),
  option({ name: 'disk_allocation_ratio', type: 'number', default: 1, min: 0.1, meaning: 'Disk that a host offers for each GiB of its own.', upstream: '[DEFAULT] initial_disk_allocation_ratio' }),
  option({ name: 'reserved_host_memory_mb', type: 'integer', default: 512, min: 0, meaning: 'MiB of a host\'s memory that guests do not get.', upstream: '[DEFAULT] reserved_host_memory_mb' }),
  option({ name: 'quota_instances', type: 'integer', default: 10, min: -1, meaning: 'Servers of a project; -1 for no limit.', upstream: '[quota] instances' }),
  option({ name: 'quota_cores', type: 'integer', default: 20, min: -1, meaning: 'Virtual CPUs of a project\'s servers; -1 for no limit.', upstream: '[quota] cores' }),
  option({ name: 'quota_ram', type: 'integer', default: 51200, min: -1, meaning: 'MiB of a project\'s servers; -1 for no limit.', upstream: '[quota] ram' }),
  option({ name: 'vif_plugging_timeout', type: 'integer', default: 300, min: 0, meaning: 'Seconds that a build waits for its ports to become active.', upstream: '[DEFAULT] vif_plugging_timeout' }),
  option({ name: 'shutdown_timeout', type: 'integer', default: 60, min: 0, meaning: 'Seconds that a guest has to shut down by itself.', upstream: '[DEFAULT] shutdown_timeout' }),
  option({ name: 'service_down_time', type: 'integer', default: 60, min: 1, meaning: 'Seconds without a word from a host after which it counts as down.', upstream: '[DEFAULT] service_down_time' }),
  option({ name: 'default_availability_zone', type: 'string', default: 'nova', meaning: 'The zone of hosts that no aggregate puts into another.', upstream: '[DEFAULT] default_availability_zone' }),
  option({ name: 'dhcp_domain', type: 'string', default: 'novalocal', meaning: 'Appended to host names in the metadata.', upstream: '[api] dhcp_domain' }),
  option({ name: 'console_token_ttl', type: 'integer', default: 600, min: 1, meaning: 'Seconds in which a console can be opened with its URL; one that is open stays so.', upstream: '[consoleauth] token_ttl' }),
  option({ name: 'console_base_url', type: 'url', default: null, meaning: 'Where clients open consoles, before the token; /console/ at the URL that they named when not given.', upstream: '[vnc] novncproxy_base_url' }),
  option({ name: 'console_allowed_origins', type: 'urls', default: [], meaning: 'Origins besides the listener\'s own whose pages may open consoles: https://panel.example.', upstream: '[console] allowed_origins' }),
])
