// What a process of a larger site is told. One file serves all processes of a site; what differs between them comes from the environment (ALTO_SITE_NAME) or from files of their own.
import { option, section } from '@alto/kit/config'
import { CONNECTIONS } from '@alto/kit/db'

export const siteOptions = section('site', [
  option({ name: 'name', type: 'string', default: null, meaning: 'This process among those of its kind: the host\'s name for agents, the controller\'s for services. Unique, also among all that run on one machine, and the same after a restart; the machine\'s name when not given.' }),
  option({ name: 'cloud', type: 'string', default: null, meaning: 'The cloud\'s id, 8 hexadecimal digits: the mark of all that its agents make on their hosts, and of its queues on the bus.' }),
  option({ name: 'listen', type: 'string', default: '127.0.0.1:5000', meaning: 'HOST:PORT of this process\'s listener.' }),
  option({ name: 'tls_certificate', type: 'string', default: null, meaning: 'The PEM file of the listener\'s certificate, with those that it rests on. The site\'s other processes must trust it (NODE_EXTRA_CA_CERTS).' }),
  option({ name: 'tls_key', type: 'string', default: null, meaning: 'The PEM file of its key.' }),
  option({ name: 'insecure', type: 'boolean', default: false, meaning: 'Allows a listener off loopback without TLS: on a network that only the site\'s own machines are on, or behind a proxy that has TLS.' }),
  option({ name: 'public_url', type: 'url', default: null, meaning: 'The URL under which clients reach the site; what they named when not given.' }),
  option({ name: 'controllers', type: 'urls', default: [], meaning: 'URLs of the site\'s listeners, without a path: where a process finds the services that it does not carry. The next is asked when one does not answer.' }),
  option({ name: 'database', type: 'string', default: null, secret: true, meaning: 'The PostgreSQL server: postgres://USER:PASSWORD@HOST/NAME. Each service has a schema there.' }),
  option({ name: 'database_connections', type: 'integer', default: CONNECTIONS, min: 2, max: 1000, meaning: 'Connections of each service of this process to that server, at most. A controller with all six services has six times as many; the sum over all controllers must be less than the server\'s max_connections (100 when nobody changed it).' }),
  option({ name: 'bus', type: 'string', default: null, secret: true, meaning: 'The RabbitMQ server: amqp://USER:PASSWORD@HOST:PORT/VIRTUAL_HOST.' }),
  option({ name: 'data', type: 'string', default: 'var', meaning: 'The directory of what is no row. Of services: token keys, image bytes, policy files; the controllers of a site share it. Of agents: disks, which are the host\'s own.' }),
  option({ name: 'run', type: 'string', default: '/run/alto', meaning: 'The directory of sockets and pidfiles; short, and gone after a reboot of the machine.' }),
  option({ name: 'drivers', type: 'choice', choices: ['real', 'fake'], default: 'real', meaning: 'What agents make: guests, networks and disks of this machine, or none.' }),
  option({ name: 'tunnel_address', type: 'string', default: null, meaning: 'The address of this host for what hosts send each other: networks of tenants, and volumes. Without one, networks and volumes do not leave the host.' }),
  option({ name: 'data_address', type: 'string', default: null, meaning: 'The address of this host at which controllers reach it for consoles; tunnel_address when not given. Without either, consoles are reached by a controller on the same machine only.' }),
  option({ name: 'data_port', type: 'integer', default: 10808, min: 0, max: 65535, meaning: 'The TCP port at that address; 0 for any that is free.' }),
  option({ name: 'service_password', type: 'string', default: null, secret: true, meaning: 'The password of the service users (placement, glance, nova, neutron, cinder), which Keystone\'s process makes.' }),
  option({ name: 'admin_password', type: 'string', default: null, secret: true, meaning: 'The password of the user admin, which Keystone\'s process makes.' }),
  option({ name: 'demo_password', type: 'string', default: null, secret: true, meaning: 'The password of the user demo; with it, a process that carries all services makes the demo set at its start.' }),
  option({ name: 'demo_image', type: 'string', default: null, meaning: 'The file of the demo set\'s bootable image; an empty image when not given.' }),
  option({ name: 'metadata_secret', type: 'string', default: null, secret: true, meaning: 'Shared by Nova and the hosts: signs whose metadata a guest asks for.' }),
  option({ name: 'data_secret', type: 'string', default: null, secret: true, meaning: 'Shared by Nova and the hosts: the keys of what they send each other (volumes, consoles) follow from it.' }),
  option({ name: 'failure_points', type: 'string', default: null, meaning: 'For experiments with failures: a unix socket that is told each point that a task reaches, a line of JSON; the task goes on when it answers a line.' }),
])
